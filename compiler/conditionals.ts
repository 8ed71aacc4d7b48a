import type { ts } from 'ts-morph';
import { lowerClosure, lowerNativeBody } from './closures.ts';
import { type Code, operator, span } from './code.ts';
import type { Lowering } from './lowering.ts';

/** `if (c) { … } else { … }` → `if_(c, () => { … }, () => { … })` */
export function lowerIf(lowering: Lowering, node: ts.IfStatement): Code {
  const { expression, thenStatement, elseStatement } = node;
  const at = lowering.start(node);
  const then = lowering.start(thenStatement);
  const range = { start: then, end: node.end };
  const otherwise = elseStatement
    ? [
        lowering.trivia(thenStatement.end, lowering.start(elseStatement)),
        '() => ',
        lowerClosure(lowering, elseStatement),
      ]
    : 'null';
  return operator('if_', at, [
    [lowering.argument(expression), lowering.trivia(expression.end, then)],
    ['() => ', lowerClosure(lowering, thenStatement)],
    otherwise,
    lowering.states.of(range, node),
    lowering.sites.at(at),
  ]);
}

/** An `if` that cannot become a call: its condition must be plain. */
export function lowerNativeIf(lowering: Lowering, node: ts.IfStatement, reason: string): Code {
  const { expression, thenStatement, elseStatement } = node;
  const code: Code[] = [
    span(lowering.start(node), lowering.start(expression)),
    plain(lowering, expression, reason),
    span(expression.end, lowering.start(thenStatement)),
    lowerNativeBody(lowering, thenStatement),
  ];
  if (elseStatement) {
    code.push(span(thenStatement.end, lowering.start(elseStatement)), lowerNativeBody(lowering, elseStatement));
  }
  return code;
}

/** The guard of what stays native: the value passes through, a traced tensor is an error that names the construct. */
export function plain(lowering: Lowering, node: ts.Expression, reason: string): Code {
  const at = lowering.start(node);
  return operator('plain', at, [lowering.argument(node), `'${reason}'`, lowering.sites.at(at)]);
}
