import { isFloat } from '../../graph/promotion.ts';
import type { DType } from '../../graph/types.ts';
import type { Emitter } from '../emitter.ts';
import { select } from './kernels.ts';
import { shapeOf } from './sizes.ts';

/*
 * ONNX Runtime's `Where` puts two tensors together that have 0 where the other branch is taken: what is 0 in the one is
 * taken from the other. So -0 of the first branch becomes 0. That of the second one stays, if the condition is as large.
 */

/** `select` that keeps -0 of both branches. */
export function selectSigned(emitter: Emitter, condition: string, a: string, b: string, dtype: DType): string {
  if (!isFloat(dtype)) return select(emitter, condition, a, b, dtype);
  const zero = emitter.constant(dtype, [0]);
  // Not by `Not`, which ONNX Runtime takes off again by exchanging the branches.
  const isOther = emitter.node('Equal', [condition, emitter.constant('bool', [0])]);
  const first = emitter.node('Where', [expanded(emitter, isOther, a), zero, emitter.node('Neg', [a])]);
  const second = emitter.node('Where', [expanded(emitter, condition, b), zero, emitter.node('Neg', [b])]);
  // -0 minus the one, or the other minus 0: neither changes a number.
  return emitter.node('Sub', [emitter.node('Neg', [first]), second]);
}

/** `select` that keeps -0 of the second branch, where the first one has none. */
export function selectOther(emitter: Emitter, condition: string, a: string, b: string, dtype: DType): string {
  return select(emitter, isFloat(dtype) ? expanded(emitter, condition, b) : condition, a, b, dtype);
}

function expanded(emitter: Emitter, condition: string, branch: string): string {
  return emitter.node('Expand', [condition, shapeOf(emitter, branch)]);
}
