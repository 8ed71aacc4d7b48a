import type { InterventionGraph } from '../graph.ts';
import type { Address } from '../ops.ts';
import type { Node, NodeOf, Value } from '../types.ts';
import { type Pass, type Rewritten, unchanged } from './pass.ts';
import { liveUsers, RowCopier } from './row-copier.ts';
import { type JoinedRows, type RowSelection, rowSelections } from './row-selections.ts';

export interface RowWiseCalls {
  /** Whether a module that is called computes each row of its output, a vector along the last dimension, from that row alone. */
  isRowWise(address: Address): boolean;
}

/** Calls of modules one after the other, of whose last output only some rows are read. */
interface Chain {
  readonly calls: readonly NodeOf<'call'>[];
  readonly rows: JoinedRows;
}

/** Chains that call the same modules, and their rows together. */
interface Unit {
  readonly chains: readonly Chain[];
  readonly rows: JoinedRows;
}

/**
 * Where some rows are read of what modules give that are called on a value, and that compute each row by itself (a logit lens
 * at one position), calls them on these rows; where that is done in several places, on the rows of all of them together.
 */
export const narrowCalls: Pass<RowWiseCalls> = (graph, context) => {
  let current = unchanged(graph);
  for (;;) {
    const before = current;
    const next = narrowedOnce(before.graph, context);
    if (!next) return before;
    current = { graph: next.graph, value: (old) => next.value(before.value(old)) };
  }
};

/** Null where there is nothing to narrow. */
function narrowedOnce(graph: InterventionGraph, context: RowWiseCalls): Rewritten | null {
  if (!graph.root.nodes.some(({ op }) => op === 'call')) return null;
  for (const unit of unitsOf(chainsOf(graph, context))) {
    const next = new CallNarrower(graph, unit).run();
    if (next) return next;
  }
  return null;
}

function chainsOf(graph: InterventionGraph, { isRowWise }: RowWiseCalls): Chain[] {
  const saved = new Set(graph.saves.map(({ value }) => value));
  const users = liveUsers(graph);
  /** By the node that each begins with. */
  const chains = new Map<Node, Chain>();
  for (const node of graph.root.nodes.toReversed()) {
    if (node.op !== 'call' || node.inputs.length !== 1 || node.outputs.slice(1).some((one) => users.has(one))) continue;
    const made = node.outputs[0]!;
    const isKnown = made.type.shape !== null && node.inputs[0]!.type.shape?.length === made.type.shape.length;
    if (!isKnown || !isRowWise(node.attributes)) continue;
    const [reader, ...others] = users.get(made) ?? [];
    const next = reader && others.length === 0 && !saved.has(made) ? chains.get(reader) : undefined;
    const rows = next?.rows ?? rowSelections(made, users, (value) => saved.has(value));
    if (rows) chains.set(node, { calls: [node, ...(next?.calls ?? [])], rows });
    if (next) chains.delete(reader!);
  }
  return [...chains.values()].reverse();
}

/** The chains of the same modules together, where that can be; then each by itself. */
function unitsOf(chains: readonly Chain[]): Unit[] {
  const groups = new Map<string, Chain[]>();
  for (const chain of chains) {
    const key = JSON.stringify([chain.calls.map(({ attributes }) => attributes), rowSizes(chain)]);
    groups.set(key, [...(groups.get(key) ?? []), chain]);
  }
  const together = [...groups.values()].filter((group) => group.length > 1 && rowSizes(group[0]!) !== null);
  return [
    ...together.map((group): Unit => {
      const selections = group.flatMap(({ rows }) => rows.selections);
      return { chains: group, rows: { selections, dim: lastOf(selections[0]!), sizes: selections.map(() => 1) } };
    }),
    ...chains.map((chain) => ({ chains: [chain], rows: chain.rows })),
  ];
}

/** The sizes of the dimensions before the rows, if one row is read each time, and they are known; else null. */
function rowSizes({ calls, rows: { selections } }: Chain): readonly number[] | null {
  const { shape } = calls[0]!.inputs[0]!.type;
  const all = selections.map(({ kept }) =>
    kept.map((kind, dim) => {
      if (kind === 'int') return 1;
      return kind === 'whole' && dim < kept.length - 1 ? shape![dim]! : null;
    }),
  );
  const [first] = all;
  const isKnown = all.every((sizes) => sizes.every((size) => size !== null) && sizes.join() === first!.join());
  return isKnown ? (first as readonly number[]) : null;
}

const lastOf = ({ kept }: RowSelection) => kept.length - 1;

/** Copies a graph with the calls of some chains narrowed. */
class CallNarrower extends RowCopier {
  private readonly unit: Unit;

  constructor(source: InterventionGraph, unit: Unit) {
    super(source);
    this.unit = unit;
  }

  /** Null where the calls have to be as they are. */
  run(): Rewritten | null {
    const { chains, rows } = this.unit;
    const sources = new Set<Node>(chains.flatMap(({ calls }) => calls));
    const { before, after, dependent } = this.parted(sources);
    // Writes stay in their order.
    if (after.some(({ op }) => op === 'write')) return null;
    const entries = chains.flatMap((chain) => chain.rows.selections.map(() => chain.calls[0]!.inputs[0]!));
    const indices = rows.selections.flatMap(({ node }) => node.inputs.slice(1));
    if ([...entries, ...indices].some((value) => dependent.has(value))) return null;
    for (const node of before) this.node(node, this.graph.root);
    const { calls } = chains[0]!;
    this.narrowed(
      entries.map((value) => this.value(value)),
      rows,
      calls.at(-1)!,
      (some) => calls.reduce((value, call) => this.call(call, value), some),
    );
    this.rest(after, sources, rows);
    this.saves();
    return this;
  }

  private call({ outputs, attributes, site }: NodeOf<'call'>, rows: Value): Value {
    const types = outputs.map(({ type: { dtype, shape } }, i) => ({
      dtype,
      shape: i === 0 ? rows.type.shape!.with(-1, shape!.at(-1)!) : null,
    }));
    return this.graph.add(this.graph.root, 'call', [rows], types, attributes, site).outputs[0]!;
  }
}
