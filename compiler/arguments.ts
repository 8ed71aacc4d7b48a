import type { ts } from 'ts-morph';
import type { Callee } from './callees.ts';
import { type Code, operator } from './code.ts';
import type { Lowering } from './lowering.ts';

/** `call(f, o, [x])`: a call of `callee` with the arguments of `node`. */
export function callOf(lowering: Lowering, node: ts.CallExpression, callee: Callee): Code {
  const at = lowering.start(node);
  const gap = lowering.trivia(node.expression.end, node.arguments.pos - 1);
  const values = argumentsOf(lowering, node.arguments, node.end);
  return operator('call', at, [[callee.function, gap], callee.object, values, lowering.sites.at(at)]);
}

/** The arguments of a call as an array, with the line breaks and comments between its parentheses. */
export function argumentsOf(lowering: Lowering, values: ts.NodeArray<ts.Expression>, end: number): Code {
  const parts: Code[] = ['['];
  let from = values.pos;
  for (const value of values) {
    parts.push({ start: from, end: lowering.start(value) }, lowering.visit(value));
    from = value.end;
  }
  return [...parts, { start: from, end: end - 1 }, ']'];
}
