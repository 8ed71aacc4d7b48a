import type { ts } from 'ts-morph';
import { memberOf } from './callees.ts';
import { type Code, operator } from './code.ts';
import { isMember, isSettable } from './indexing.ts';
import type { Lowering } from './lowering.ts';
import { evaluated } from './places.ts';
import { unwrap } from './wrappers.ts';

/** ``f`…` `` → ``tag(f, undefined)`…` ``, ``o.f`…` `` → ``tag(o.f, o)`…` ``: JavaScript itself makes the arguments. */
export function lowerTagged(lowering: Lowering, node: ts.TaggedTemplateExpression): Code {
  const tag = unwrap(node.tag);
  if (isMember(tag) && !isSettable(tag)) return lowering.copy(node);
  const at = lowering.start(node);
  const site = lowering.sites.at(at);
  const { first, again } = isMember(tag) ? evaluated(lowering, tag.expression) : { first: '', again: 'undefined' };
  const fn = isMember(tag) ? memberOf(lowering, tag, first) : lowering.argument(tag);
  const template = lowering.copyFrom(node, node.tag.end, node.end);
  return [operator('tag', at, [fn, again, site]), template];
}
