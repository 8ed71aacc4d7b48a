import type { ts } from 'ts-morph';
import { lowerClosure, lowerNativeBody } from './closures.ts';
import { type Code, joined, operator, span } from './code.ts';
import type { Lowering } from './lowering.ts';
import { syntax } from './parse.ts';

/**
 * `if (c) { … } else { … }` → `if_(c, () => { … }, () => { … })`, and with `else if (d) { … }` in between
 * `chain(c, () => { … }, [[() => d, () => { … }]], () => { … })`.
 */
export function lowerIf(lowering: Lowering, node: ts.IfStatement): Code {
  const { expression, thenStatement } = node;
  const at = lowering.start(node);
  const then = lowering.start(thenStatement);
  const { links, gap, last } = linksOf(lowering, node);
  const state = lowering.states.of({ start: then, end: node.end }, node);
  return operator(links.length > 0 ? 'chain' : 'if_', at, [
    [lowering.argument(expression), lowering.trivia(expression.end, then)],
    ['() => ', lowerClosure(lowering, thenStatement)],
    ...(links.length > 0 ? [['[', joined(links), ']']] : []),
    [gap, last ? ['() => ', lowerClosure(lowering, last)] : 'null'],
    state,
    lowering.sites.at(at),
  ]);
}

interface Links {
  readonly links: readonly Code[];
  /** The text between the last of them and the `else`. */
  readonly gap: Code;
  readonly last: ts.Statement | undefined;
}

/** The `else if`s behind an `if`: `[() => c, () => { … }, site]`. */
function linksOf(lowering: Lowering, { thenStatement, elseStatement }: ts.IfStatement): Links {
  const links: Code[] = [];
  let end = thenStatement.end;
  let last = elseStatement;
  for (; last && syntax.isIfStatement(last); last = last.elseStatement) {
    const start = lowering.start(last);
    const { expression, thenStatement: body } = last;
    const test = [lowering.thunk(expression), lowering.trivia(expression.end, lowering.start(body))];
    links.push([
      lowering.trivia(end, start),
      '[',
      joined([test, ['() => ', lowerClosure(lowering, body)], lowering.sites.at(start)]),
      ']',
    ]);
    end = body.end;
  }
  return { links, gap: last ? lowering.trivia(end, lowering.start(last)) : '', last };
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

/** The guard of a construct that stays native: a plain value passes through, a traced tensor is an error that names the construct. */
export function plain(lowering: Lowering, node: ts.Expression, reason: string): Code {
  const at = lowering.start(node);
  return operator('plain', at, [lowering.argument(node), `'${reason}'`, lowering.sites.at(at)]);
}
