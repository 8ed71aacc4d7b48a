import type { ts } from 'ts-morph';
import { type Code, operator } from './code.ts';
import type { Lowering } from './lowering.ts';
import { syntax } from './parse.ts';
import { isAssignmentTarget } from './references.ts';

/** `...x` → `...items(x)`, in an object `...fields(x)` */
export function lowerSpread(lowering: Lowering, node: ts.SpreadElement | ts.SpreadAssignment): Code {
  const { parent, expression } = node;
  const isLiteral = syntax.isArrayLiteralExpression(parent) || syntax.isObjectLiteralExpression(parent);
  if (isLiteral && isAssignmentTarget(parent)) return lowering.copy(node);
  return ['...', itemsOf(lowering, expression, syntax.isSpreadElement(node) ? 'items' : 'fields')];
}

/** What a pattern takes apart: `[a, b] = x` → `[a, b] = taken(x)`. */
export function partsOf(lowering: Lowering, value: ts.Expression): Code {
  return itemsOf(lowering, value, 'taken');
}

/** `yield* x` → `yield* items(x)` */
export function lowerDelegation(lowering: Lowering, node: ts.YieldExpression): Code {
  const { expression } = node;
  return lowering.copy(node, (child) =>
    child === expression ? itemsOf(lowering, expression, 'items') : lowering.visit(child),
  );
}

/** A value whose items are taken by JavaScript itself. */
function itemsOf(lowering: Lowering, value: ts.Expression, by: 'items' | 'taken' | 'fields'): Code {
  if (syntax.isArrayLiteralExpression(value) && !value.elements.some(syntax.isSpreadElement))
    return lowering.visit(value);
  if (by !== 'items' && syntax.isObjectLiteralExpression(value)) return lowering.visit(value);
  const at = lowering.start(value);
  return operator(by, at, [lowering.argument(value), lowering.sites.at(at)]);
}
