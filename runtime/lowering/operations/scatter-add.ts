import type { DType } from '../../graph/types.ts';
import type { Emitter } from '../emitter.ts';
import { requireAll } from './requirements.ts';
import { int, ints, range, shapeOf, sizesAlong, toScalar, unsqueeze } from './sizes.ts';

/**
 * Adds `updates` where `index` says, for operator sets whose ScatterElements cannot add: every position of the dimension
 * takes the sum of the updates that name it. Memory grows with the product of the index and the dimension.
 */
export function scatterAddByMasks(
  emitter: Emitter,
  x: string,
  index: string,
  updates: string,
  dtype: DType,
  dim: number,
): string {
  // A new dimension for the positions stands just before the one that is summed away.
  const [positionsAt, summedAt] = dim < 0 ? [dim - 1, dim] : [dim, dim + 1];
  const size = sizesAlong(emitter, x, [dim]);
  const start = toScalar(emitter, size);
  const wrapped = emitter.node('Where', [
    emitter.node('Less', [index, int(emitter, 0)]),
    emitter.node('Add', [index, start]),
    index,
  ]);
  const inside = emitter.node('And', [
    emitter.node('GreaterOrEqual', [wrapped, int(emitter, 0)]),
    emitter.node('Less', [wrapped, start]),
  ]);
  const named = unsqueeze(emitter, emitter.node('Add', [wrapped, requireAll(emitter, 'inside', inside)]), [
    positionsAt,
  ]);
  const ones = emitter.node('Expand', [ints(emitter, [1]), shapeOf(emitter, shapeOf(emitter, named))]);
  const along = emitter.node('ScatterElements', [ones, ints(emitter, [positionsAt]), size]);
  const positions = emitter.node('Reshape', [range(emitter, start), along]);
  const terms = emitter.node('Where', [
    emitter.node('Equal', [named, positions]),
    unsqueeze(emitter, updates, [positionsAt]),
    emitter.constant(dtype, [0]),
  ]);
  const sums = emitter.node('ReduceSum', [terms, ints(emitter, [summedAt])], { keepdims: { int: 0 } });
  const missing = emitter.node('Sub', [shapeOf(emitter, x), shapeOf(emitter, sums)]);
  // A negative padding would cut off what lies outside.
  const covers = requireAll(emitter, 'covered', emitter.node('GreaterOrEqual', [missing, int(emitter, 0)]));
  const none = emitter.node('Mul', [missing, ints(emitter, [0])]);
  const padding = emitter.node('Concat', [none, emitter.node('Add', [missing, covers])], { axis: { int: 0 } });
  return emitter.node('Add', [x, emitter.node('Pad', [sums, padding, emitter.constant(dtype, [0])])]);
}
