import type { ts } from 'ts-morph';
import { syntax } from './parse.ts';
import type { Binding, Scopes } from './scope.ts';
import { isWrapper } from './wrappers.ts';

/** A mention of a binding, and whether it is assigned there. */
export interface Reference {
  readonly binding: Binding;
  readonly node: ts.Identifier;
  readonly position: number;
  readonly writes: boolean;
}

/** All mentions of the file's own bindings, in source order. */
export function findReferences(source: ts.SourceFile, scopes: Scopes): readonly Reference[] {
  const found: Reference[] = [];
  const visit = (node: ts.Node): void => {
    if (syntax.isIdentifier(node)) {
      const binding = isName(node) ? undefined : scopes.resolve(node.text, node);
      if (binding) found.push({ binding, node, position: node.getStart(source), writes: isWritten(node) });
      return;
    }
    if (syntax.isTypeNode(node) && !syntax.isExpressionWithTypeArguments(node)) return;
    syntax.forEachChild(node, visit);
  };
  visit(source);
  return found.sort((a, b) => a.position - b.position);
}

/** Whether the identifier only names a member or a label. */
function isName(node: ts.Identifier): boolean {
  const { parent } = node;
  if (syntax.isPropertyAccessExpression(parent)) return parent.name === node;
  if (syntax.isBindingElement(parent)) return parent.propertyName === node;
  if (syntax.isShorthandPropertyAssignment(parent)) return false;
  if (syntax.isLabeledStatement(parent) || syntax.isBreakOrContinueStatement(parent)) return true;
  return (syntax.isObjectLiteralElement(parent) || syntax.isClassElement(parent)) && parent.name === node;
}

function isWritten(node: ts.Identifier): boolean {
  const { parent } = node;
  if (syntax.isVariableDeclaration(parent) && parent.name === node) return setsOnDeclaration(parent);
  if (syntax.isBindingElement(parent) && parent.name === node) return setsOnDeclaration(rootOf(parent));
  return isAssignmentTarget(node);
}

/** A `var` is declared at the top of its function: only its initializer is an assignment. */
function setsOnDeclaration(declaration: ts.Node): boolean {
  if (!syntax.isVariableDeclaration(declaration)) return false;
  const list = declaration.parent.parent;
  return declaration.initializer !== undefined || syntax.isForOfStatement(list) || syntax.isForInStatement(list);
}

function rootOf(element: ts.BindingElement): ts.Node {
  let at: ts.Node = element;
  while (syntax.isBindingElement(at)) at = at.parent.parent;
  return at;
}

/** Whether `node` is the target of an assignment, `++`, a destructuring or a loop's head. */
export function isAssignmentTarget(node: ts.Node): boolean {
  const { parent } = node;
  if (syntax.isBinaryExpression(parent)) {
    const { kind } = parent.operatorToken;
    if (parent.left !== node) return false;
    return kind >= syntax.SyntaxKind.FirstAssignment && kind <= syntax.SyntaxKind.LastAssignment;
  }
  if (syntax.isPrefixUnaryExpression(parent) || syntax.isPostfixUnaryExpression(parent)) {
    const { operator } = parent;
    return operator === syntax.SyntaxKind.PlusPlusToken || operator === syntax.SyntaxKind.MinusMinusToken;
  }
  if (syntax.isForOfStatement(parent) || syntax.isForInStatement(parent)) return parent.initializer === node;
  if (isWrapper(parent)) return isAssignmentTarget(parent);
  return isPatternTarget(node);
}

/** `[node] = …`, `({ key: node } = …)`, `({ node = 1 } = …)` */
function isPatternTarget(node: ts.Node): boolean {
  const { parent } = node;
  if (syntax.isArrayLiteralExpression(parent)) return isAssignmentTarget(parent);
  if (syntax.isSpreadElement(parent)) {
    return syntax.isArrayLiteralExpression(parent.parent) && isAssignmentTarget(parent.parent);
  }
  if (syntax.isPropertyAssignment(parent)) return parent.initializer === node && isAssignmentTarget(parent.parent);
  if (syntax.isShorthandPropertyAssignment(parent)) return parent.name === node && isAssignmentTarget(parent.parent);
  if (syntax.isSpreadAssignment(parent)) return isAssignmentTarget(parent.parent);
  return false;
}
