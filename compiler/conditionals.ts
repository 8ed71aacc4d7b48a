import type { ts } from 'ts-morph';
import { lowerClosure, lowerNativeBody } from './closures.ts';
import { arrow, type Code, joined, operator, span } from './code.ts';
import type { Lowering } from './lowering.ts';
import { syntax } from './parse.ts';

/** As deep as conditionals nest; longer chains stand side by side. */
const NESTED_LINKS = 3;

/**
 * `if (c) { … } else { … }` → `ifElse(c, (b) => { if (b) { … } else { … } })`: both sides stand in an `if` of JavaScript, so
 * that debuggers and coverage reports see what they see in plain code.
 */
export function lowerIf(lowering: Lowering, node: ts.IfStatement): Code {
  if (lengthOf(node) > NESTED_LINKS) return lowerChain(lowering, node);
  const { expression, thenStatement, elseStatement } = node;
  const at = lowering.start(node);
  const then = lowering.start(thenStatement);
  const is = lowering.frame.fresh('b');
  const body: Code[] = [{ text: 'if (', at }, `${is}) `, lowerClosure(lowering, thenStatement)];
  if (elseStatement) {
    const gap = lowering.trivia(thenStatement.end, lowering.start(elseStatement));
    body.push(' else ', gap, lowerClosure(lowering, elseStatement));
  }
  return operator('ifElse', at, [
    [lowering.argument(expression), lowering.trivia(expression.end, then)],
    [arrow(is), '{ ', body, ' }'],
    lowering.states.of({ start: then, end: node.end }, node),
    lowering.sites.at(at),
  ]);
}

/** How many `else if`s follow an `if`. */
function lengthOf({ elseStatement }: ts.IfStatement): number {
  return elseStatement && syntax.isIfStatement(elseStatement) ? 1 + lengthOf(elseStatement) : 0;
}

/**
 * `if (c) { … } else if (d) { … } else { … }` → `chain(c, [[() => d, site], [null, site]], (b) => { if (b === 0) { … } else if … }, state, site)`:
 * the conditions beside the closure, in which the bodies stand as in `lowerIf`.
 */
function lowerChain(lowering: Lowering, node: ts.IfStatement): Code {
  const at = lowering.start(node);
  const which = lowering.frame.fresh('b');
  const links: Code[] = [];
  const bodies: Code[] = [];
  let last = node;
  for (let index = 0; ; index++) {
    const { expression, thenStatement, elseStatement } = last;
    const start = lowering.start(last);
    if (index > 0) links.push(['[', joined([lowering.thunk(expression), lowering.sites.at(start)]), ']']);
    const gap = lowering.trivia(expression.end, lowering.start(thenStatement));
    bodies.push({ text: `if (${which} === ${index}) `, at: start }, gap, lowerClosure(lowering, thenStatement));
    if (!elseStatement) break;
    bodies.push(' else ', lowering.trivia(thenStatement.end, lowering.start(elseStatement)));
    if (!syntax.isIfStatement(elseStatement)) {
      links.push(['[', joined(['null', lowering.sites.at(at)]), ']']);
      bodies.push(lowerClosure(lowering, elseStatement));
      break;
    }
    last = elseStatement;
  }
  return operator('chain', at, [
    lowering.argument(node.expression),
    ['[', joined(links), ']'],
    [arrow(which), '{ ', bodies, ' }'],
    lowering.states.of({ start: lowering.start(node.thenStatement), end: node.end }, node),
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

/** The guard of a construct that stays native: a plain value passes through, a traced tensor is an error that names the construct. */
export function plain(lowering: Lowering, node: ts.Expression, reason: string): Code {
  const at = lowering.start(node);
  return operator('plain', at, [lowering.argument(node), `'${reason}'`, lowering.sites.at(at)]);
}
