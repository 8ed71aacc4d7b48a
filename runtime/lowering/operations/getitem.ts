import { OperationError } from '../../graph/operation.ts';
import { type Item, isAdjacent, isAdvanced, isWhole, readItems } from '../../graph/operations/items.ts';
import type { Emitter, Lower, Lowerings } from '../emitter.ts';
import { castTo } from './kernels.ts';
import { type Operand, rankOf } from './operand.ts';
import { type Placed, place } from './placement.ts';
import { gatherSelected, type Selector, selectorsOf } from './selectors.ts';
import { applySlices } from './slices.ts';

/** What an index selects of a tensor, by numpy's rules: slices first, then integers, then selecting tensors. */
export function selectItems(
  emitter: Emitter,
  x: { readonly name: string; readonly rank: number | null },
  items: readonly Item<Operand>[],
): string {
  const { x: expanded, placed, added } = place(emitter, x.name, items);
  const rank = x.rank === null ? null : x.rank + added;
  const slices = placed.flatMap(({ item, axis }) => (item.kind === 'slice' && !isWhole(item) ? [{ item, axis }] : []));
  const sliced = applySlices(emitter, expanded, slices);
  const integers = placed.flatMap(({ item, axis }) => (item.kind === 'int' ? [{ index: item.index, axis }] : []));
  const picked = applyIntegers(emitter, sliced, integers);
  const removed = integers.map(({ axis }) => axis);
  const selectors = placed
    .filter(({ item }) => isAdvanced(item))
    .flatMap(({ item, axis }) => selectorsOf(emitter, picked, item, withoutAxes(axis, removed)));
  if (selectors.length === 0) return picked;
  const left = rank === null ? null : rank - integers.length;
  return gatherSelected(emitter, picked, left, selectors, resultAxis(items, placed, selectors, removed, rank));
}

/** Each integer takes its dimension away: from both ends inwards, so that the other axes stay what they are. */
function applyIntegers(
  emitter: Emitter,
  x: string,
  integers: readonly { readonly index: Operand; readonly axis: number }[],
): string {
  const front = integers.filter(({ axis }) => axis >= 0).sort((a, b) => b.axis - a.axis);
  const back = integers.filter(({ axis }) => axis < 0).sort((a, b) => a.axis - b.axis);
  return [...front, ...back].reduce(
    (picked, { index, axis }) =>
      emitter.node('Gather', [picked, castTo(emitter, index, 'int64')], { axis: { int: axis } }),
    x,
  );
}

/** An axis as it counts once others are gone. */
function withoutAxes(axis: number, removed: readonly number[]): number {
  const before = (other: number): boolean => (axis >= 0 ? other >= 0 && other < axis : other > axis && other < 0);
  const count = removed.filter(before).length;
  return axis >= 0 ? axis - count : axis + count;
}

/**
 * The dimension of the result at which those of the selecting tensors start; null means where the first of them stands.
 */
function resultAxis(
  items: readonly Item<Operand>[],
  placed: readonly Placed[],
  selectors: readonly Selector[],
  removed: readonly number[],
  rank: number | null,
): number | null {
  if (!isAdjacent(items)) return 0;
  if (selectors.length === 1) return null;
  const first = placed.find(({ item }) => isAdvanced(item) || item.kind === 'int')!.axis;
  if (first >= 0) return withoutAxes(first, removed);
  if (rank === null) throw new OperationError('This index needs a tensor whose number of dimensions is known.');
  return first + rank;
}

const getitem: Lower<'getitem'> = (emitter, [x, ...operands], attributes) => [
  selectItems(emitter, { name: x!.name, rank: rankOf(x!) }, readItems(attributes.items, operands)),
];

export const indexingByItems: Lowerings<'getitem'> = { getitem };
