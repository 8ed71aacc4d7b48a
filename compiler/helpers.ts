import type { ts } from 'ts-morph';
import { syntax } from './parse.ts';
import type { Scopes } from './scope.ts';
import { unwrap } from './wrappers.ts';

/** A function that is one expression: an arrow without a body, or one that only returns. */
export type Helper = ts.ArrowFunction | ts.FunctionExpression | ts.FunctionDeclaration;

/**
 * The function of the file that a call means, if it only gets at something: one expression of members, calls and literals,
 * which compiling cannot refuse. `layer(1).output` is written so often, with `layer` beside the block, that it needs no
 * directive; a function with operators does, as it is written for numbers as often as for tensors.
 */
export function helperOf(call: ts.CallExpression, scopes: Scopes): Helper | null {
  const callee = unwrap(call.expression);
  if (!syntax.isIdentifier(callee)) return null;
  const { kind, value } = scopes.resolve(callee.text, callee) ?? {};
  if (!value || (kind !== 'const' && kind !== 'function')) return null;
  const fn = syntax.isExpression(value) ? unwrap(value) : value;
  return isHelper(fn) ? fn : null;
}

function isHelper(node: ts.Node): node is Helper {
  const isFunction =
    syntax.isArrowFunction(node) || syntax.isFunctionExpression(node) || syntax.isFunctionDeclaration(node);
  if (!isFunction || node.asteriskToken || !node.body) return false;
  if (node.modifiers?.some(({ kind }) => kind !== syntax.SyntaxKind.ExportKeyword)) return false;
  const result = resultOf(node.body);
  return result !== null && node.parameters.every(isPlainParameter) && isPlain(result);
}

function resultOf(body: ts.ConciseBody): ts.Expression | null {
  if (!syntax.isBlock(body)) return body;
  const [only, ...others] = body.statements;
  return only && others.length === 0 && syntax.isReturnStatement(only) ? (only.expression ?? null) : null;
}

/** A name, or names of what an object or an array has, without defaults. */
function isPlainParameter({ name, initializer }: ts.ParameterDeclaration | ts.BindingElement): boolean {
  if (initializer) return false;
  if (syntax.isIdentifier(name)) return true;
  return name.elements.every(
    (element) =>
      syntax.isOmittedExpression(element) || (!isComputed(element.propertyName) && isPlainParameter(element)),
  );
}

function isComputed(name: ts.PropertyName | undefined): boolean {
  return name !== undefined && syntax.isComputedPropertyName(name);
}

function isPlain(expression: ts.Expression): boolean {
  const node = unwrap(expression);
  if (syntax.isIdentifier(node)) return node.text !== 'arguments';
  if (syntax.isLiteralExpression(node)) return true;
  if (syntax.isPropertyAccessExpression(node)) return syntax.isIdentifier(node.name) && isPlain(node.expression);
  if (syntax.isElementAccessExpression(node)) return isPlain(node.expression) && isPlain(node.argumentExpression);
  if (syntax.isCallExpression(node)) return isPlainCall(node);
  if (syntax.isArrayLiteralExpression(node)) return node.elements.every(isPlain);
  if (syntax.isSpreadElement(node)) return isPlain(node.expression);
  if (syntax.isObjectLiteralExpression(node)) return node.properties.every(isPlainProperty);
  if (syntax.isArrowFunction(node)) return isHelper(node);
  const { TrueKeyword, FalseKeyword, NullKeyword } = syntax.SyntaxKind;
  return [TrueKeyword, FalseKeyword, NullKeyword].some((kind) => kind === node.kind);
}

function isPlainCall({ expression, arguments: given }: ts.CallExpression): boolean {
  const callee = unwrap(expression);
  return !(syntax.isIdentifier(callee) && callee.text === 'eval') && isPlain(callee) && given.every(isPlain);
}

function isPlainProperty(property: ts.ObjectLiteralElementLike): boolean {
  if (syntax.isShorthandPropertyAssignment(property)) return true;
  if (syntax.isSpreadAssignment(property)) return isPlain(property.expression);
  return syntax.isPropertyAssignment(property) && !isComputed(property.name) && isPlain(property.initializer);
}
