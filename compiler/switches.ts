import type { ts } from 'ts-morph';
import { arrow, type Code, isEmpty, joined, operator } from './code.ts';
import { hoist } from './hoisting.ts';
import { lowerList } from './lists.ts';
import type { Lowering } from './lowering.ts';
import { syntax } from './parse.ts';

/** `switch (v) { case 1: … default: … }` → `switch_(v, [[1, () => { … }, site], [null, () => { … }, site]], state)` */
export function lowerSwitch(lowering: Lowering, node: ts.SwitchStatement): Code {
  const { expression, caseBlock } = node;
  const { clauses } = caseBlock;
  const at = lowering.start(node);
  const inner = lowering.start(caseBlock);
  const marked = clauses.flatMap((clause) => lowering.traced.marks.get(clause) ?? []);
  const none = { from: caseBlock.pos, to: caseBlock.pos };
  const front = hoist(lowering, caseBlock, [none, ...clauses.map(({ pos, end }) => ({ from: pos, to: end }))], marked);
  let end = inner + 1;
  const lowered = lowering.frame.around([{ kind: 'switch' }], () =>
    clauses.map((clause): Code => {
      const gap = lowering.trivia(end, lowering.start(clause));
      end = clause.end;
      return [gap, lowerClause(lowering, clause)];
    }),
  );
  const code = operator('switch_', at, [
    [lowering.argument(expression), lowering.trivia(expression.end, inner)],
    ['[', joined(lowered), lowering.trivia(end, caseBlock.end - 1), ']'],
    lowering.states.of({ start: inner + 1, end: caseBlock.end - 1 }, caseBlock),
  ]);
  return isEmpty(front) ? code : ['(', arrow(), '{', front, ' return ', code, '; })()'];
}

/** A clause: what is compared (a function where that has to be found out, null for `default`), its statements, its place. */
function lowerClause(lowering: Lowering, clause: ts.CaseOrDefaultClause): Code {
  const { statements } = clause;
  const body = lowering.frame.around([{ kind: 'closure' }], () =>
    lowerList(lowering, { statements, from: statements.pos, to: clause.end, owner: clause.parent }, 'closure'),
  );
  const at = lowering.start(clause);
  return ['[', joined([testOf(lowering, clause), [arrow(), '{', body, '}'], lowering.sites.at(at)]), ']'];
}

function testOf(lowering: Lowering, clause: ts.CaseOrDefaultClause): Code {
  if (syntax.isDefaultClause(clause)) return 'null';
  const { expression } = clause;
  const isLiteral = syntax.isStringLiteralLike(expression) || syntax.isNumericLiteral(expression);
  return isLiteral ? lowering.visit(expression) : lowering.thunk(expression);
}
