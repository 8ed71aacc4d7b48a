import type { ts } from 'ts-morph';
import { type Code, operator, span } from './code.ts';
import { CompileError } from './diagnostics.ts';
import type { Lowering } from './lowering.ts';
import { syntax } from './parse.ts';
import { unwrap } from './wrappers.ts';

/** The expression between the brackets of `a[k]`. `a[':', 1]` is refused: JavaScript would only use the last of the two. */
export function keyOf(lowering: Lowering, node: ts.ElementAccessExpression): ts.Expression {
  const key = node.argumentExpression;
  const parts = sequence(unwrap(key));
  if (parts.length > 1) {
    const object = lowering.text.slice(lowering.start(node), node.expression.end);
    const isText = parts.every((part) => literal(part) !== null);
    const select = isText ? '' : `, or ${object}.select(dim, index) if the index is traced`;
    throw new CompileError('comma', key, lowering.file, `Write ${object}[${index(parts)}]${select}.`);
  }
  return key;
}

/** `{ [k]: v }` → `{ [key(k)]: v }`: JavaScript itself makes a name of it. */
export function lowerKey(lowering: Lowering, node: ts.ComputedPropertyName): Code {
  const { expression } = node;
  if (syntax.isStringLiteralLike(expression) || syntax.isNumericLiteral(expression)) return lowering.copy(node);
  const at = lowering.start(expression);
  const code = operator('key', at, [lowering.argument(expression), lowering.sites.at(at)]);
  return [span(lowering.start(node), at), code, span(expression.end, node.end)];
}

function sequence(node: ts.Expression): readonly ts.Expression[] {
  if (!syntax.isBinaryExpression(node) || node.operatorToken.kind !== syntax.SyntaxKind.CommaToken) return [node];
  return [...sequence(node.left), ...sequence(node.right)];
}

/** The index as one text: `'0, -1'`, or a template string where it holds an expression. */
function index(parts: readonly ts.Expression[]): string {
  const isText = parts.every((part) => literal(part) !== null);
  if (isText) return `'${parts.map(literal).join(', ')}'`;
  return `\`${parts.map((part) => literal(part) ?? inserted(part)).join(', ')}\``;
}

/** An expression in a template string: a list loses its brackets there. */
function inserted(part: ts.Expression): string {
  const text = `\${${part.getText()}}`;
  return syntax.isArrayLiteralExpression(unwrap(part)) ? `[${text}]` : text;
}

/** A part of an index that is written out, as numpy writes it. */
function literal(node: ts.Expression): string | null {
  const part = unwrap(node);
  if (syntax.isArrayLiteralExpression(part)) {
    const entries = part.elements.map(literal);
    return entries.every((entry) => entry !== null) ? `[${entries.join(', ')}]` : null;
  }
  if (syntax.isStringLiteralLike(part) || syntax.isNumericLiteral(part)) return part.text;
  if (part.kind === syntax.SyntaxKind.NullKeyword) return 'None';
  const isNegative = syntax.isPrefixUnaryExpression(part) && part.operator === syntax.SyntaxKind.MinusToken;
  return isNegative && syntax.isNumericLiteral(part.operand) ? `-${part.operand.text}` : null;
}
