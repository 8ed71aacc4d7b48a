import { usesOf } from '../live.ts';
import { type Item, isWhole, readItems, writeItems } from '../operations/items.ts';
import type { Node, NodeOf, Value } from '../types.ts';

/** At how many places a tensor may be read. */
const MOST = 256;

export const WHOLE: Item<Value> = { kind: 'slice', start: null, stop: null, step: null, size: null };

/** What became of a dimension: it is gone, a part of it is left, or all of it. */
type Kept = 'int' | 'slice' | 'whole';

/** Indices of indices of a tensor, as far as they select rows: an item for each dimension but the last. */
interface Chain {
  readonly indices: readonly (readonly Item<Value>[])[];
  readonly kept: readonly Kept[];
}

/** A node that reads some rows of a tensor, or of each of them some columns. */
export interface RowSelection extends Chain {
  readonly node: NodeOf<'getitem'>;
  readonly columns: readonly Item<Value>[];
}

/** How some rows of a tensor are computed together: joined along a dimension, and parted again into so many each. */
export interface JoinedRows {
  readonly selections: readonly RowSelection[];
  readonly dim: number;
  readonly sizes: readonly number[];
}

/**
 * How a tensor is read, if only some of its rows are, and these can be computed together; else null. `users` are the
 * nodes that use each value.
 */
export function rowSelections(
  value: Value,
  users: ReadonlyMap<Value, readonly Node[]>,
  isSaved: (value: Value) => boolean,
): JoinedRows | null {
  const rank = value.type.shape?.length ?? 0;
  if (rank < 2) return null;
  const readings = (part: Value, chain: Chain): (RowSelection | null)[] => {
    if (isSaved(part)) return [null];
    return (users.get(part) ?? []).flatMap((node) => {
      const found = node.op === 'getitem' && node.inputs[0] === part ? selection(node, chain) : null;
      if (!found || writeItems(found.indices.flat()).operands.some((operand) => dependsOn(operand, value)))
        return [null];
      // Some texts of a batch, and perhaps some rows of each.
      const isBatch = found.columns.length === 0 && found.kept.at(-1) === 'whole';
      return isBatch ? readings(node.outputs[0]!, found) : [found];
    });
  };
  const found = readings(value, { indices: [], kept: Array.from({ length: rank - 1 }, () => 'whole') });
  if (found.length === 0 || found.length > MOST) return null;
  if (!found.every((one) => one !== null && one.kept.at(-1) !== 'whole')) return null;
  const selections = found as RowSelection[];
  const dim = dimOf(selections);
  if (dim === null) return null;
  return { selections, dim, sizes: selections.map(({ node, kept }) => (kept[dim] === 'int' ? 1 : sizeOf(node)!)) };
}

function selection(node: NodeOf<'getitem'>, { indices, kept }: Chain): RowSelection | null {
  const items = readItems(node.attributes.items, node.inputs.slice(1));
  if (!items.every(({ kind }) => kind === 'int' || kind === 'slice')) return null;
  const columns = [...items];
  const index = kept.map((kind) => (kind === 'int' ? WHOLE : (columns.shift() ?? WHOLE)));
  const left = index.map((item, dim): Kept => (item.kind === 'int' ? 'int' : isWhole(item) ? kept[dim]! : 'slice'));
  return { node, indices: [...indices, index], kept: left, columns };
}

/** The dimension along which the rows of all selections can be joined, and parted again; null if there is none. */
function dimOf(selections: readonly RowSelection[]): number | null {
  const last = selections[0]!.kept.length - 1;
  if (selections.length === 1) return last;
  const leading = new Set(selections.map(({ kept }) => kept.slice(0, -1).join()));
  if (selections.some(({ kept }) => kept.at(-1) !== 'int')) return null;
  if (leading.size === 1 && !leading.values().next().value!.includes('slice')) return last;
  // One row of each text, and as many texts as was known when they were chosen.
  return last === 1 && selections.every(({ node, kept }) => kept[0] === 'int' || sizeOf(node) !== null) ? 0 : null;
}

/** How many texts a node reads that keeps them. */
function sizeOf({ outputs }: Node): number | null {
  return outputs[0]!.type.shape?.[0] ?? null;
}

/** Whether a value is computed from another one, or is the same. */
function dependsOn(value: Value, other: Value): boolean {
  const seen = new Set([value]);
  // The set grows during this loop.
  for (const { node } of seen) for (const used of node ? usesOf(node) : []) seen.add(used);
  return seen.has(other);
}
