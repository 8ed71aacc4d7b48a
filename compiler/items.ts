import type { ts } from 'ts-morph';
import { type Code, operator } from './code.ts';
import type { Lowering } from './lowering.ts';
import { syntax } from './parse.ts';
import { isAssignmentTarget } from './references.ts';

/** `...x` → `...items(x)` */
export function lowerSpread(lowering: Lowering, node: ts.SpreadElement): Code {
  const isRest = syntax.isArrayLiteralExpression(node.parent) && isAssignmentTarget(node.parent);
  return isRest ? lowering.copy(node) : ['...', itemsOf(lowering, node.expression, 'items')];
}

/** `[a, b] = x` → `[a, b] = taken(x)`, in a declaration too. */
export function lowerTakingApart(lowering: Lowering, node: ts.Node, value: ts.Expression): Code {
  return lowering.copy(node, (child) => (child === value ? itemsOf(lowering, value, 'taken') : lowering.visit(child)));
}

/** `yield* x` → `yield* items(x)` */
export function lowerDelegation(lowering: Lowering, node: ts.YieldExpression): Code {
  const { expression } = node;
  return lowering.copy(node, (child) =>
    child === expression ? itemsOf(lowering, expression, 'items') : lowering.visit(child),
  );
}

/** A value whose items are taken by JavaScript itself. */
function itemsOf(lowering: Lowering, value: ts.Expression, by: 'items' | 'taken'): Code {
  if (syntax.isArrayLiteralExpression(value) && !value.elements.some(syntax.isSpreadElement))
    return lowering.visit(value);
  const at = lowering.start(value);
  return operator(by, at, [lowering.argument(value), lowering.sites.at(at)]);
}
