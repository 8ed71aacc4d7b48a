import type { ts } from 'ts-morph';
import { syntax } from './parse.ts';

/** Parentheses and type assertions: they change neither what is evaluated nor what is assigned to. */
export function isWrapper(node: ts.Node): node is ts.Expression & { readonly expression: ts.Expression } {
  return (
    syntax.isParenthesizedExpression(node) ||
    syntax.isAsExpression(node) ||
    syntax.isSatisfiesExpression(node) ||
    syntax.isTypeAssertionExpression(node) ||
    syntax.isNonNullExpression(node)
  );
}

/** The expression inside its wrappers. */
export function unwrap(node: ts.Expression): ts.Expression {
  let inner = node;
  while (isWrapper(inner)) inner = inner.expression;
  return inner;
}
