import { isFloat } from '../../graph/promotion.ts';
import type { DType } from '../../graph/types.ts';
import type { Emitter } from '../emitter.ts';
import { compute, select } from './kernels.ts';

/** The largest number of each dtype. */
const LARGEST: Readonly<Record<string, number>> = { float16: 65504, float32: (2 - 2 ** -23) * 2 ** 127 };

/**
 * What orders as PyTorch orders it: NaN above every number. ONNX Runtime's order of NaNs is undefined, so they become
 * infinite, and infinity the largest number below it, which in the same row counts as its equal.
 */
export function orderingKey(emitter: Emitter, x: string, dtype: DType): string {
  if (!isFloat(dtype)) return x;
  const largest = emitter.constant(dtype, [LARGEST[dtype] ?? Number.MAX_VALUE]);
  const [missing, infinity] = [emitter.node('IsNaN', [x]), emitter.constant(dtype, [Number.POSITIVE_INFINITY])];
  return select(emitter, missing, infinity, compute(emitter, 'Min', [x, largest], dtype), dtype);
}
