import { isFloat } from '../../graph/promotion.ts';
import type { Emitter, Lower, Lowerings } from '../emitter.ts';
import { kernelType } from './kernels.ts';
import { type Operand, rankOf } from './operand.ts';
import { orderingKey } from './ordering.ts';
import { flatten, int, ints, shapeWith, sizesAlong } from './sizes.ts';

/**
 * The first `count` elements (int64 of one element, or null for all) in order along a dimension, and their positions.
 * `TopK` prefers the lower position among equals, in both directions: the order is stable.
 */
function ordered(emitter: Emitter, x: Operand, count: string | null, dim: number, largest: boolean): readonly string[] {
  const { dtype } = x.type;
  const { name } = x;
  if (rankOf(x) === 0) return [name, emitter.node('Identity', [int(emitter, 0)])];
  const computed = kernelType(dtype);
  const key = emitter.cast(orderingKey(emitter, name, dtype), dtype, computed);
  const k = count ?? sizesAlong(emitter, name, [dim]);
  // TopK of a tensor without elements divides by zero, and takes the process along, unless k is 0.
  const elements = emitter.node('Unsqueeze', [emitter.node('Size', [name]), ints(emitter, [0])]);
  const [top, indices] = emitter.nodes('TopK', [key, emitter.node('Min', [k, elements])], 2, {
    axis: { int: dim },
    largest: { int: largest ? 1 : 0 },
    sorted: { int: 1 },
  });
  const values = isFloat(dtype)
    ? emitter.node('GatherElements', [name, indices!], { axis: { int: dim } })
    : emitter.cast(top!, computed, dtype);
  const shape = shapeWith(emitter, name, dim, k);
  // Only an empty result changes its shape here: to the k that was asked for. A 0 stays what it is.
  return [values, indices!].map((result) => emitter.node('Reshape', [result, shape]));
}

const sort: Lower<'sort'> = (emitter, [x], attributes) =>
  ordered(emitter, x!, null, attributes.dim, attributes.descending);

const topk: Lower<'topk'> = (emitter, [x, k], attributes) =>
  ordered(emitter, x!, flatten(emitter, k!.name), attributes.dim, attributes.largest);

export const sorting: Lowerings<'sort' | 'topk'> = { sort, topk };
