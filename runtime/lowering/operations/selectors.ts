import { OperationError } from '../../graph/operation.ts';
import type { Item } from '../../graph/operations/items.ts';
import type { Emitter } from '../emitter.ts';
import { castTo } from './kernels.ts';
import { type Operand, rankOf } from './operand.ts';
import { requireAll } from './requirements.ts';
import { flatten, int, shapeOf, sizesAlong, transpose, unsqueeze } from './sizes.ts';

/** Positions along one dimension. */
export interface Selector {
  readonly positions: string;
  readonly rank: number | null;
  readonly axis: number;
}

/**
 * The positions that an item selects of `x`: a mask stands for those of its true elements, in each of its dimensions,
 * and the run fails if it has not the tensor's sizes.
 */
export function selectorsOf(emitter: Emitter, x: string, item: Item<Operand>, axis: number): readonly Selector[] {
  if (item.kind === 'index') {
    return [{ positions: castTo(emitter, item.index, 'int64'), rank: rankOf(item.index), axis }];
  }
  if (item.kind !== 'mask') return [];
  const rank = rankOf(item.mask)!;
  const fits = maskFits(emitter, x, item.mask.name, rank, axis);
  const found = emitter.node('Add', [emitter.node('NonZero', [item.mask.name]), fits]);
  if (rank === 1) return [{ positions: flatten(emitter, found), rank: 1, axis }];
  return Array.from({ length: rank }, (_, i) => ({
    positions: emitter.node('Gather', [found, int(emitter, i)], { axis: { int: 0 } }),
    rank: 1,
    axis: axis + i,
  }));
}

/** A 0 that needs the mask to have the sizes of the dimensions it selects from. */
export function maskFits(emitter: Emitter, x: string, mask: string, rank: number, axis: number): string {
  const sizes = sizesAlong(
    emitter,
    x,
    Array.from({ length: rank }, (_, i) => axis + i),
  );
  return requireAll(emitter, 'mask', emitter.node('Equal', [shapeOf(emitter, mask), sizes]));
}

/**
 * Gathers what the selectors, broadcast together, select. Their common dimensions start at `at` in the result, or where
 * the only selector stands if that is null. `rank` is that of `x`.
 */
export function gatherSelected(
  emitter: Emitter,
  x: string,
  rank: number | null,
  selectors: readonly Selector[],
  at: number | null,
): string {
  const [only] = selectors;
  if (selectors.length === 1) {
    const gathered = emitter.node('Gather', [x, only!.positions], { axis: { int: only!.axis } });
    return at === null ? gathered : moveDims(emitter, gathered, rank, selectors, positive(only!.axis, rank), at);
  }
  const axes = selectors.map(({ axis }) => (rank === null ? axis : positive(axis, rank)));
  const inFront = axes.every((axis, i) => axis === i);
  const front = inFront ? x : transpose(emitter, x, [...axes, ...otherAxes(axes, rank)]);
  const gathered = emitter.node('GatherND', [front, joinPositions(emitter, selectors)]);
  return at === null || at === 0 ? gathered : moveDims(emitter, gathered, rank, selectors, 0, at);
}

function joinPositions(emitter: Emitter, selectors: readonly Selector[]): string {
  const names = selectors.map(({ positions }) => positions);
  const common = shapeOf(
    emitter,
    names.reduce((sum, name) => emitter.node('Add', [sum, name])),
  );
  const columns = names.map((name) => unsqueeze(emitter, emitter.node('Expand', [name, common]), [-1]));
  return emitter.node('Concat', columns, { axis: { int: -1 } });
}

function unknownRank(): OperationError {
  return new OperationError('This index needs tensors whose number of dimensions is known.');
}

function positive(axis: number, rank: number | null): number {
  if (axis >= 0) return axis;
  if (rank === null) throw unknownRank();
  return axis + rank;
}

function otherAxes(axes: readonly number[], rank: number | null): readonly number[] {
  if (rank === null) throw unknownRank();
  return Array.from({ length: rank }, (_, i) => i).filter((axis) => !axes.includes(axis));
}

/** Moves the selectors' common dimensions in the result from one place to another. */
function moveDims(
  emitter: Emitter,
  x: string,
  rank: number | null,
  selectors: readonly Selector[],
  from: number,
  to: number,
): string {
  if (from === to) return x;
  const ranks = selectors.map((selector) => selector.rank);
  if (rank === null || ranks.includes(null)) throw unknownRank();
  const common = Math.max(...(ranks as number[]));
  const total = rank - selectors.length + common;
  const moved = Array.from({ length: common }, (_, i) => from + i);
  const others = otherAxes(moved, total);
  return transpose(emitter, x, [...others.slice(0, to), ...moved, ...others.slice(to)]);
}
