import type { ts } from 'ts-morph';
import { arrow, type Code, isEmpty, joined, operator } from './code.ts';
import { hoist } from './hoisting.ts';
import { lowerList } from './lists.ts';
import type { Lowering } from './lowering.ts';
import { marksIn } from './marks.ts';
import { syntax } from './parse.ts';
import { treatmentOf } from './treatments.ts';

/**
 * `switch (v) { case 1: … default: … }` → `switch_(v, [[1, site], [null, site]], (c) => { switch (c) { case 0: … case 1: … } }, state)`:
 * the clauses stand in a `switch` of JavaScript, as the sides of an `if` in `lowerIf`. It does one at a time.
 */
export function lowerSwitch(lowering: Lowering, node: ts.SwitchStatement): Code {
  const { expression, caseBlock } = node;
  const { clauses } = caseBlock;
  const at = lowering.start(node);
  const inner = lowering.start(caseBlock);
  const marked = clauses.flatMap((clause) => marksIn(lowering, clause));
  const none = { from: caseBlock.pos, to: caseBlock.pos };
  const front = hoist(lowering, caseBlock, [none, ...clauses.map(({ pos, end }) => ({ from: pos, to: end }))], marked);
  const which = lowering.frame.fresh('c');
  let end = inner + 1;
  const bodies = lowering.frame.around([{ kind: 'switch' }, { kind: 'closure' }], () =>
    clauses.map((clause, index): Code => {
      const gap = lowering.trivia(end, lowering.start(clause));
      end = clause.end;
      return [gap, lowerClause(lowering, clause, index)];
    }),
  );
  const tests = clauses.map((clause): Code => {
    const site = lowering.sites.at(lowering.start(clause));
    return ['[', joined([testOf(lowering, clause), site]), ']'];
  });
  const code = operator('switch_', at, [
    lowering.argument(expression),
    ['[', joined(tests), ']'],
    [
      arrow(which),
      [{ text: `{ switch (${which}) {`, at }, lowering.trivia(expression.end, inner)],
      [bodies, lowering.trivia(end, caseBlock.end - 1), '} }'],
    ],
    lowering.states.of({ start: inner + 1, end: caseBlock.end - 1 }, caseBlock),
  ]);
  return isEmpty(front) ? code : ['(', arrow(), '{', front, ' return ', code, '; })()'];
}

/** A clause's statements. None runs into the next one: the operator asks for each. */
function lowerClause(lowering: Lowering, clause: ts.CaseOrDefaultClause, index: number): Code {
  const { statements } = clause;
  const body = lowerList(
    lowering,
    { statements, from: statements.pos, to: clause.end, owner: clause.parent },
    'closure',
  );
  const end: Code = isLeft(lowering, statements) ? '' : { text: '; break;', at: null };
  return [{ text: `case ${index}:`, at: lowering.start(clause) }, body, end];
}

/** Whether what `statements` become when they are lowered ends with a `return` or `throw`. */
function isLeft(lowering: Lowering, statements: readonly ts.Statement[]): boolean {
  const last = statements.at(-1);
  if (!last) return false;
  const isJump =
    syntax.isBreakOrContinueStatement(last) || syntax.isReturnStatement(last) || syntax.isThrowStatement(last);
  return isJump || statements.some((one) => treatmentOf(lowering, one, 'closure', []).kind === 'continued');
}

/** What is compared: a function where that has to be found out, null for `default`. */
function testOf(lowering: Lowering, clause: ts.CaseOrDefaultClause): Code {
  if (syntax.isDefaultClause(clause)) return 'null';
  const { expression } = clause;
  const isLiteral = syntax.isStringLiteralLike(expression) || syntax.isNumericLiteral(expression);
  return isLiteral ? lowering.visit(expression) : lowering.thunk(expression);
}
