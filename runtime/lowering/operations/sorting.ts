import { isFloat } from '../../graph/promotion.ts';
import type { DType } from '../../graph/types.ts';
import type { Emitter, Lower, Lowerings } from '../emitter.ts';
import { kernelType } from './kernels.ts';
import { type Operand, rankOf } from './operand.ts';
import { orderingKey } from './ordering.ts';
import { requireAll } from './requirements.ts';
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
  const size = sizesAlong(emitter, name, [dim]);
  const k = count ?? size;
  // TopK of a tensor without elements divides by zero, and takes the process along, unless k is 0.
  const isEmpty = emitter.node('Equal', [emitter.node('Size', [name]), int(emitter, 0)]);
  const taken = emitter.node('Where', [isEmpty, ints(emitter, [0]), k]);
  const [top, indices] = emitter.nodes('TopK', [key, taken], 2, {
    axis: { int: dim },
    largest: { int: largest ? 1 : 0 },
    sorted: { int: 1 },
  });
  const values = isFloat(dtype)
    ? emitter.node('GatherElements', [name, indices!], { axis: { int: dim } })
    : emitter.cast(top!, computed, dtype);
  const fits = requireAll(emitter, 'enough', emitter.node('LessOrEqual', [k, size]));
  const missing = shapeWith(emitter, name, dim, emitter.node('Add', [emitter.node('Sub', [k, taken]), fits]));
  return [lengthened(emitter, values, dtype, missing, dim), lengthened(emitter, indices!, 'int64', missing, dim)];
}

/**
 * A result without elements in the size that was asked for; others stay as they are. A Reshape would do, if ONNX Runtime
 * did not join it with a Squeeze behind it, which fails.
 */
function lengthened(emitter: Emitter, result: string, dtype: DType, missing: string, dim: number): string {
  const none = emitter.node('Expand', [emitter.constant(dtype, [0]), missing]);
  return emitter.node('Concat', [result, none], { axis: { int: dim } });
}

const sort: Lower<'sort'> = (emitter, [x], attributes) =>
  ordered(emitter, x!, null, attributes.dim, attributes.descending);

const topk: Lower<'topk'> = (emitter, [x, k], attributes) =>
  ordered(emitter, x!, flatten(emitter, k!.name), attributes.dim, attributes.largest);

export const sorting: Lowerings<'sort' | 'topk'> = { sort, topk };
