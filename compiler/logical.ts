import type { ts } from 'ts-morph';
import { arrow, type Code, joined, operator } from './code.ts';
import type { Lowering } from './lowering.ts';
import { syntax } from './parse.ts';
import { suspends } from './suspension.ts';
import { unwrap } from './wrappers.ts';

/** The operators that evaluate their right side or not, and the calls that they become. */
export const LOGICAL: ReadonlyMap<string, string> = new Map([
  ['&&', 'andRight'],
  ['||', 'orRight'],
  ['??', 'nullishRight'],
]);

/** `a && b` → `andRight(a, (b) => b && …)`; around an `await` it stays, and `a` must be plain. */
export function lowerLogical(lowering: Lowering, node: ts.BinaryExpression): Code {
  const { left, operatorToken, right } = node;
  const text = operatorToken.getText();
  const at = lowering.start(operatorToken);
  const before = lowering.trivia(left.end, at);
  const after = lowering.trivia(operatorToken.end, lowering.start(right));
  if (suspends(lowering.frame, right)) {
    const test = decided(lowering.argument(left), text, at, lowering.sites.at(at));
    return [test, before, ` ${text} `, after, lowering.visit(right)];
  }
  return logical(lowering, node, [lowering.argument(left), before], [after, lowering.argument(right)]);
}

/**
 * The call of a logical operator: `right` stands behind JavaScript's own operator, so that coverage reports count it as a
 * branch.
 */
export function logical(lowering: Lowering, node: ts.BinaryExpression, left: Code, right: Code): Code {
  const at = lowering.start(node.operatorToken);
  const text = node.operatorToken.getText().replace('=', '');
  const decides = lowering.frame.fresh('b');
  const closure = [
    arrow(decides),
    { text: `${decides} `, at: lowering.start(node.left) },
    { text: `${text} (`, at },
    right,
    ')',
  ];
  return operator(LOGICAL.get(text)!, at, [left, closure, lowering.sites.at(at), ...lazyState(lowering, node.right)]);
}

/** `c ? a : b` → `ternary(c, (b) => b ? a : b)`: both stand in a conditional of JavaScript, as in `lowerIf`. */
export function lowerConditionalExpression(lowering: Lowering, node: ts.ConditionalExpression): Code {
  const { condition, questionToken, whenTrue, colonToken, whenFalse } = node;
  const at = lowering.start(condition);
  const site = lowering.sites.at(at);
  const test: Code = [lowering.argument(condition), lowering.trivia(condition.end, lowering.start(questionToken))];
  const first = lowering.trivia(questionToken.end, lowering.start(whenTrue));
  const second = lowering.trivia(whenTrue.end, lowering.start(whenFalse));
  if (suspends(lowering.frame, whenTrue) || suspends(lowering.frame, whenFalse)) {
    const plain = operator('plain', at, [test, `'?: around await'`, site]);
    return [plain, ' ? ', first, lowering.visit(whenTrue), second, ' : ', lowering.visit(whenFalse)];
  }
  const state = lowering.states.of({ start: questionToken.end, end: node.end }, colonToken);
  if (lengthOf(node) <= NESTED_CHOICES) {
    const is = lowering.frame.fresh('b');
    const sides: Code[] = [
      [{ text: '? ', at: lowering.start(questionToken) }, first, '(', lowering.visit(whenTrue), ') '],
      [{ text: ': ', at: lowering.start(colonToken) }, second, '(', lowering.visit(whenFalse), ')'],
    ];
    return operator('ternary', at, [test, [arrow(is), { text: `${is} `, at }, sides], state, site]);
  }
  return lowerChoices(lowering, node, state);
}

/** As deep as conditionals nest; longer chains stand side by side. */
const NESTED_CHOICES = 3;

/** How many conditions follow the first of `c ? a : d ? b : …`. */
function lengthOf({ whenFalse }: ts.ConditionalExpression): number {
  const next = unwrap(whenFalse);
  return syntax.isConditionalExpression(next) ? 1 + lengthOf(next) : 0;
}

/**
 * `c ? a : d ? b : e` → `choose(c, [[() => d, site]], (b) => b === 0 ? a : b === 1 ? b : e, state, site)`: the conditions
 * beside the closure, in which the values stand as in `ternary`.
 */
function lowerChoices(lowering: Lowering, node: ts.ConditionalExpression, state: Code): Code {
  const at = lowering.start(node.condition);
  const which = lowering.frame.fresh('b');
  const links: Code[] = [];
  const values: Code[] = [];
  let last: ts.Expression = node;
  for (let index = 0; syntax.isConditionalExpression(last); index++) {
    const { condition, questionToken, whenTrue, colonToken, whenFalse } = last;
    const start = lowering.start(condition);
    if (index > 0) links.push(['[', joined([lowering.thunk(condition), lowering.sites.at(start)]), ']']);
    const inner = unwrap(whenFalse);
    const next = syntax.isConditionalExpression(inner) ? inner : whenFalse;
    values.push(
      { text: `${which} === ${index} `, at: start },
      lowering.trivia(condition.end, lowering.start(questionToken)),
      [{ text: '? ', at: lowering.start(questionToken) }, lowering.trivia(questionToken.end, lowering.start(whenTrue))],
      ['(', lowering.visit(whenTrue), ') '],
      [{ text: ': ', at: lowering.start(colonToken) }, lowering.trivia(whenTrue.end, lowering.start(next))],
    );
    last = next;
  }
  return operator('choose', at, [
    lowering.argument(node.condition),
    ['[', joined(links), ']'],
    [arrow(which), values, '(', lowering.visit(last), ')'],
    state,
    lowering.sites.at(at),
  ]);
}

/** The left side of a logical operator that stays JavaScript's: it decides while the block is built. */
export function decided(left: Code, text: string, at: number, site: Code): Code {
  if (text === '??') return operator('sure', at, [left, site]);
  return operator('plain', at, [left, `'${text} around await'`, site]);
}

/** The state argument of a part that may not run; absent if it assigns nothing. */
export function lazyState(lowering: Lowering, part: ts.Expression): readonly Code[] {
  const state = lowering.states.of({ start: lowering.start(part), end: part.end }, part);
  return state === 'null' ? [] : [state];
}
