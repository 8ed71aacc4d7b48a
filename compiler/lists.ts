import type { ts } from 'ts-morph';
import { arrow, type Code, joined, operator, span } from './code.ts';
import { hoist } from './hoisting.ts';
import type { Lowering } from './lowering.ts';
import { marksIn } from './marks.ts';
import { syntax } from './parse.ts';
import { lowerCompletion, lowerStatement } from './statements.ts';
import { type ListHome, type Treatment, treatmentOf } from './treatments.ts';

/** Statements one after the other, the text between them included. */
export interface List {
  readonly statements: readonly ts.Statement[];
  readonly from: number;
  readonly to: number;
  /** The node that holds them. */
  readonly owner: ts.Node;
}

/** Statements of a list, up to and with one that may jump out: the next part goes on where that ended normally. */
interface Part {
  readonly statements: readonly ts.Statement[];
  readonly treatments: readonly Treatment[];
  readonly from: number;
  readonly to: number;
}

/** As many parts may stand one in another; more stand side by side, as ONNX cannot nest deeply. */
const NESTED_PARTS = 4;

/**
 * A statement list. A statement that may jump out hands its completion on, with what follows it as the continuation:
 * `if (c) return a; f();` → `return complete(proceed(ifElse(c, …), (n) => { if (n) { f(); } }))`.
 */
export function lowerList(lowering: Lowering, list: List, home: ListHome): Code {
  const { statements, owner } = list;
  const treatments = statements.map((one, index) => treatmentOf(lowering, one, home, statements.slice(index + 1)));
  const parts = partsOf(list, treatments);
  const isLong = parts.length > NESTED_PARTS && !statements.some(isUsing);
  const ranges = isLong ? parts : parts.map(({ from }) => ({ from, to: list.to }));
  const front = hoist(lowering, owner, ranges, marksIn(lowering, owner));
  const [first, ...others] = parts;
  const code = isLong ? lowerInTurn(lowering, first!, others, owner, home) : lowerNested(lowering, parts, list, home);
  return [front, code];
}

function partsOf({ statements, from, to }: List, treatments: readonly Treatment[]): readonly Part[] {
  const parts: Part[] = [];
  let first = 0;
  let start = from;
  treatments.forEach(({ kind }, index) => {
    const isLast = index === treatments.length - 1;
    if (kind !== 'continued' && !isLast) return;
    const range = [first, index + 1] as const;
    const end = isLast ? to : statements[index]!.end;
    parts.push({
      statements: statements.slice(...range),
      treatments: treatments.slice(...range),
      from: start,
      to: end,
    });
    first = index + 1;
    start = end;
  });
  return parts.length > 0 ? parts : [{ statements, treatments, from, to }];
}

/** Each part within the continuation of the one before. */
function lowerNested(lowering: Lowering, [part, ...others]: readonly Part[], list: List, home: ListHome): Code {
  const { code, last } = lowerPart(lowering, part!);
  if (!last) return code;
  let { completion } = last;
  if (others.length > 0) {
    const end = closingOf(list);
    const rest = inClosure(lowering, part!.to, end, () => lowerNested(lowering, others, list, 'closure'));
    const state = lowering.states.of({ start: part!.to, end: list.to }, list.owner);
    const at = lowering.start(last.statement);
    completion = operator('proceed', at, [completion, rest, state, lowering.sites.at(at)]);
  }
  return [code, ended(completion, home), others.length > 0 ? '' : last.after];
}

/** `inTurn(ifElse(…), [[(n) => { if (n) { … } }, state, site], …])`: each part beside the one before. */
function lowerInTurn(lowering: Lowering, first: Part, others: readonly Part[], owner: ts.Node, home: ListHome): Code {
  const { code, last } = lowerPart(lowering, first);
  let at = lowering.start(last!.statement);
  const rests = others.map((part): Code => {
    const site = lowering.sites.at(at);
    const rest = inClosure(lowering, part.from, part.statements.at(-1)!.end - 1, () => {
      const { code: inner, last: jumping } = lowerPart(lowering, part);
      if (jumping) at = lowering.start(jumping.statement);
      return jumping ? [inner, 'return ', jumping.completion, ';', jumping.after] : inner;
    });
    return ['[', joined([rest, lowering.states.of({ start: part.from, end: part.to }, owner), site]), ']'];
  });
  const turns = operator('inTurn', lowering.start(last!.statement), [last!.completion, ['[', joined(rests), ']']]);
  return [code, ended(turns, home)];
}

interface LoweredPart {
  /** The statements that only run. */
  readonly code: Code;
  /** The one that may jump out. */
  readonly last: { readonly statement: ts.Statement; readonly completion: Code; readonly after: Code } | null;
}

function lowerPart(lowering: Lowering, { statements, treatments, from, to }: Part): LoweredPart {
  const code: Code[] = [];
  let end = from;
  for (const [index, statement] of statements.entries()) {
    const treatment = treatments[index]!;
    code.push(span(end, lowering.start(statement)));
    end = statement.end;
    if (treatment.kind === 'continued') {
      return { code, last: { statement, completion: lowerCompletion(lowering, statement), after: span(end, to) } };
    }
    code.push(lowerStatement(lowering, statement, treatment));
  }
  return { code: [...code, span(end, to)], last: null };
}

/** Where reports see the end of what follows a jump, in plain code: the brace of a block, but not a function's. */
function closingOf({ statements, owner, to }: List): number {
  return syntax.isBlock(owner) && !syntax.isFunctionLike(owner.parent) ? to : statements.at(-1)!.end - 1;
}

/**
 * What follows a statement that ends at `from`, up to `to`: `(n) => { if (n) { … } }`. It is a branch to coverage reports,
 * as what follows a jump is in plain code, and missed where it does not run.
 */
function inClosure(lowering: Lowering, from: number, to: number, inner: () => Code): Code {
  const is = lowering.frame.fresh('n');
  const start = { text: `{ if (${is}) {`, at: from };
  const end = { text: '} }', at: to };
  return [arrow(is, from), start, lowering.frame.around([{ kind: 'closure' }], inner), end];
}

function ended(completion: Code, home: ListHome): Code {
  return ['return ', home === 'function' ? ['__o.complete(', completion, ')'] : completion, ';'];
}

/** `using x = …`: its end is that of the list. */
function isUsing(node: ts.Statement): boolean {
  return syntax.isVariableStatement(node) && /^(await\s+)?using\s/.test(node.getText());
}
