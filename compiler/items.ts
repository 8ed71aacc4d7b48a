import type { ts } from 'ts-morph';
import { type Code, operator } from './code.ts';
import type { Lowering } from './lowering.ts';
import { syntax } from './parse.ts';
import { isAssignmentTarget } from './references.ts';

/** `...x` → `...items(x)` */
export function lowerSpread(lowering: Lowering, node: ts.SpreadElement): Code {
  const isRest = syntax.isArrayLiteralExpression(node.parent) && isAssignmentTarget(node.parent);
  return isRest ? lowering.copy(node) : ['...', itemsOf(lowering, node.expression)];
}

/** `[a, b] = x` → `[a, b] = items(x)`, in a declaration too. */
export function lowerTakingApart(lowering: Lowering, node: ts.Node, value: ts.Expression): Code {
  return lowering.copy(node, (child) => (child === value ? itemsOf(lowering, value) : lowering.visit(child)));
}

/** A value whose items are taken by JavaScript itself. */
function itemsOf(lowering: Lowering, value: ts.Expression): Code {
  if (syntax.isArrayLiteralExpression(value)) return lowering.visit(value);
  const at = lowering.start(value);
  return operator('items', at, [lowering.argument(value), lowering.sites.at(at)]);
}
