import { isFloat } from '../../graph/promotion.ts';
import type { DType } from '../../graph/types.ts';
import type { Emitter } from '../emitter.ts';
import { select } from './kernels.ts';

/**
 * What orders as PyTorch orders it: NaN above every number. ONNX Runtime's order of NaNs is undefined, so they become
 * infinite; an infinity in the same row counts as their equal.
 */
export function orderingKey(emitter: Emitter, x: string, dtype: DType, nan = Number.POSITIVE_INFINITY): string {
  if (!isFloat(dtype)) return x;
  return select(emitter, emitter.node('IsNaN', [x]), emitter.constant(dtype, [nan]), x, dtype);
}
