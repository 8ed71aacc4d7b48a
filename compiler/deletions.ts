import type { ts } from 'ts-morph';
import { isChain, lowerChain } from './chains.ts';
import { type Code, operator } from './code.ts';
import { isMember, isSettable, type Member } from './indexing.ts';
import { keyOf } from './keys.ts';
import type { Lowering } from './lowering.ts';
import { syntax } from './parse.ts';
import { unwrap } from './wrappers.ts';

/** `delete o[k]` → `delete_(o, k)`, `delete o.p` → `delete_(o, 'p')` */
export function lowerDelete(lowering: Lowering, node: ts.DeleteExpression): Code {
  const target = unwrap(node.expression);
  if (!isMember(target) || !isSettable(target)) return lowering.copy(node);
  const at = lowering.start(node);
  const remove = (_: Lowering, member: Member, object: Code): Code => {
    const isKeyed = syntax.isElementAccessExpression(member);
    const key = isKeyed ? lowering.argument(keyOf(lowering, member)) : `'${member.name.text}'`;
    return operator('delete_', at, [object, key, lowering.sites.at(at)]);
  };
  if (isChain(target)) return lowerChain(lowering, target, { member: remove, short: 'true' });
  return remove(lowering, target, lowering.argument(target.expression));
}
