import type { ts } from 'ts-morph';
import { type Code, operator } from './code.ts';
import { keyOf } from './keys.ts';
import type { Lowering } from './lowering.ts';
import { syntax } from './parse.ts';

type Member = ts.ElementAccessExpression | ts.PropertyAccessExpression;

/** `super.x`, `super[k]`: only JavaScript itself can read and set them. */
export function isInherited({ expression }: Member): boolean {
  return expression.kind === syntax.SyntaxKind.SuperKeyword;
}

/** `super.x` → `super[inherited(this, 'x')]`: the runtime sees which accessors there are. `touch` is for what is set. */
export function inherited(
  lowering: Lowering,
  node: Member,
  by: 'inherited' | 'touch',
  key = nameOf(lowering, node),
): Code {
  const at = lowering.start(node);
  return ['super[', operator(by, at, ['this', key, lowering.sites.at(at)]), ']'];
}

function nameOf(lowering: Lowering, node: Member): Code {
  return syntax.isElementAccessExpression(node) ? lowering.argument(keyOf(lowering, node)) : `'${node.name.text}'`;
}
