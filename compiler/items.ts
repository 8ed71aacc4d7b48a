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

/** A pattern, of a declaration or an assignment. */
type Pattern = ts.BindingPattern | ts.ArrayLiteralExpression | ts.ObjectLiteralExpression;

/** What a pattern takes apart: `[a, b] = x` → `[a, b] = taken(x, 2)`. */
export function partsOf(lowering: Lowering, pattern: Pattern, value: ts.Expression): Code {
  const isLiteral = syntax.isArrayLiteralExpression(value) || syntax.isObjectLiteralExpression(value);
  if (isLiteral && !holdsSpread(value) && !isNested(pattern)) return lowering.visit(value);
  return takenOf(lowering, pattern, lowering.argument(value), lowering.start(value));
}

/** The same for a value that is there already. The runtime is told how many elements are taken, if they are counted. */
export function takenOf(lowering: Lowering, pattern: Pattern, value: Code, at = lowering.start(pattern)): Code {
  const elements = 'elements' in pattern ? [...pattern.elements] : [];
  const isArray = syntax.isArrayBindingPattern(pattern) || syntax.isArrayLiteralExpression(pattern);
  const count = isArray ? `${elements.filter((one) => !isRest(one)).length}` : 'null';
  const given = elements.flatMap((one, index) => (holdsDefault(one) ? [index] : []));
  const more = given.length > 0 ? [`${isNested(pattern)}`, `[${given.join(', ')}]`] : isNested(pattern) ? ['true'] : [];
  return operator('taken', at, [value, lowering.sites.at(at), count, ...more]);
}

/** Whether an element of a pattern has a default value: then it may be missing. */
function holdsDefault(node: ts.Node): boolean {
  if (syntax.isBindingElement(node)) return node.initializer !== undefined;
  return syntax.isBinaryExpression(node) && node.operatorToken.kind === syntax.SyntaxKind.EqualsToken;
}

function isRest(node: ts.Node): boolean {
  return syntax.isSpreadElement(node) || (syntax.isBindingElement(node) && node.dotDotDotToken !== undefined);
}

function holdsSpread(literal: ts.ArrayLiteralExpression | ts.ObjectLiteralExpression): boolean {
  return syntax.isArrayLiteralExpression(literal) && literal.elements.some(syntax.isSpreadElement);
}

/** Whether a part of a pattern is a pattern. */
function isNested(pattern: ts.Node): boolean {
  const found = syntax.forEachChild(pattern, (part): boolean | undefined => {
    const isPattern =
      syntax.isObjectBindingPattern(part) ||
      syntax.isArrayBindingPattern(part) ||
      syntax.isArrayLiteralExpression(part) ||
      syntax.isObjectLiteralExpression(part);
    return isPattern || isNested(part) || undefined;
  });
  return found === true;
}

/** `yield* x` → `yield* delegated(x)` */
export function lowerDelegation(lowering: Lowering, node: ts.YieldExpression): Code {
  const { expression } = node;
  return lowering.copy(node, (child) =>
    child === expression ? itemsOf(lowering, expression, 'delegated') : lowering.visit(child),
  );
}

/** A value whose items are taken by JavaScript itself. */
function itemsOf(lowering: Lowering, value: ts.Expression, by: 'items' | 'delegated' | 'fields'): Code {
  if (syntax.isArrayLiteralExpression(value) && !value.elements.some(syntax.isSpreadElement))
    return lowering.visit(value);
  if (by === 'fields' && syntax.isObjectLiteralExpression(value)) return lowering.visit(value);
  const at = lowering.start(value);
  return operator(by, at, [lowering.argument(value), lowering.sites.at(at)]);
}
