import type { ts } from 'ts-morph';
import { type Code, operator, span } from './code.ts';
import type { Lowering } from './lowering.ts';
import { syntax } from './parse.ts';

const BINARY = new Set('+ - * / % ** < <= > >= == != === !== & | ^ << >> >>>'.split(' '));
const UNARY = new Set('- + ! ~'.split(' '));

/** Whether `a operator b` becomes a call. */
export function isLoweredBinary(text: string): boolean {
  return BINARY.has(text);
}

/** `a in b` and `a instanceof b` become calls too, unless only the class itself can answer: `#x in b`. */
export function isLoweredRelation({ left, operatorToken: { kind } }: ts.BinaryExpression): boolean {
  const { InKeyword, InstanceOfKeyword } = syntax.SyntaxKind;
  return kind === InstanceOfKeyword || (kind === InKeyword && !syntax.isPrivateIdentifier(left));
}

/** `a * b` → `binary('*', a, b)`, `a in b` → `within(a, b)` */
export function lowerBinary(lowering: Lowering, node: ts.BinaryExpression): Code {
  const { left, operatorToken, right } = node;
  const at = lowering.start(operatorToken);
  const isIn = operatorToken.kind === syntax.SyntaxKind.InKeyword;
  return operator(isIn ? 'within' : 'binary', at, [
    ...(isIn ? [] : [`'${operatorToken.getText()}'`]),
    [lowering.argument(left), lowering.trivia(left.end, at)],
    [lowering.trivia(operatorToken.end, lowering.start(right)), lowering.argument(right)],
    lowering.sites.at(at),
  ]);
}

/** `-a` → `unary('-', a)`; a negative number stays one. */
export function lowerUnary(lowering: Lowering, node: ts.PrefixUnaryExpression): Code {
  const { operand } = node;
  const text = syntax.tokenToString(node.operator)!;
  const isNumber = syntax.isNumericLiteral(operand) || syntax.isBigIntLiteral(operand);
  if (!UNARY.has(text) || (isNumber && text === '-')) return lowering.copy(node);
  const at = lowering.start(node);
  return operator('unary', at, [`'${text}'`, lowering.argument(operand), lowering.sites.at(at)]);
}

/** `typeof a` → `typeof_(a)`; of an undeclared name it is 'undefined' and not an error. */
export function lowerTypeof(lowering: Lowering, node: ts.TypeOfExpression): Code {
  const { expression } = node;
  const isFree = syntax.isIdentifier(expression) && !lowering.scopes.resolve(expression.text, expression);
  if (isFree) return lowering.copy(node);
  const at = lowering.start(node);
  return operator('typeof_', at, [lowering.argument(expression), lowering.sites.at(at)]);
}

/** `${a}` → `${string(a)}`, since a traced tensor has no text yet. */
export function lowerTemplate(lowering: Lowering, node: ts.TemplateExpression): Code {
  return lowering.copy(node, (child) => {
    if (!syntax.isTemplateSpan(child)) return lowering.visit(child);
    const { expression } = child;
    const start = lowering.start(expression);
    const call = operator('string', start, [lowering.argument(expression), lowering.sites.at(start)]);
    return [call, span(expression.end, child.end)];
  });
}
