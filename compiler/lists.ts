import type { ts } from 'ts-morph';
import { type Code, operator, span } from './code.ts';
import { hoistOutOfRests } from './hoisting.ts';
import type { Lowering } from './lowering.ts';
import { type Plan, planFor, type Region } from './plan.ts';
import { lowerCompletion, lowerStatement } from './statements.ts';

/** Statements one after the other, the text between them included. */
export interface List {
  readonly statements: readonly ts.Statement[];
  readonly from: number;
  readonly to: number;
  /** The node that holds them. */
  readonly owner: ts.Node;
}

/**
 * A statement list. A statement that may jump out hands its completion on, with what follows it as the continuation:
 * `if (c) return a; f();` → `return complete(andThen(if_(c, …), () => { f(); }))`.
 */
export function lowerList(lowering: Lowering, list: List, region: Region): Code {
  const { statements, owner } = list;
  const plans = statements.map((one, index) => planFor(lowering, one, region, statements.slice(index + 1)));
  const front = hoistOutOfRests(lowering, statements, plans, owner);
  const marks = (lowering.traced.marks.get(owner) ?? []).map((name) => ` __o.mark(${name});`);
  return [front, marks, lowerFrom(lowering, list, plans, 0, list.from, region)];
}

function lowerFrom(
  lowering: Lowering,
  list: List,
  plans: readonly Plan[],
  first: number,
  from: number,
  region: Region,
): Code {
  const { statements, to, owner } = list;
  const parts: Code[] = [];
  let end = from;
  for (let index = first; index < statements.length; index++) {
    const statement = statements[index]!;
    const plan = plans[index]!;
    parts.push(span(end, lowering.start(statement)));
    end = statement.end;
    if (plan.kind !== 'cut') {
      parts.push(lowerStatement(lowering, statement, plan));
      continue;
    }
    let completion = lowerCompletion(lowering, statement);
    const hasRest = index + 1 < statements.length;
    if (hasRest) {
      const rest = lowering.frame.around([{ kind: 'closure' }], () =>
        lowerFrom(lowering, list, plans, index + 1, end, 'closure'),
      );
      const range = { start: end, end: to };
      const state = lowering.states.of(range, owner);
      const at = lowering.start(statement);
      completion = operator('andThen', at, [completion, ['() => {', rest, '}'], state, lowering.sites.at(at)]);
    }
    if (region === 'function') completion = ['__o.complete(', completion, ')'];
    parts.push('return ', completion, ';');
    if (hasRest) return parts;
  }
  parts.push(span(end, to));
  return parts;
}
