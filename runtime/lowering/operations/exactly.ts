import { RANGES } from '../../graph/operand-data.ts';
import type { DType, TensorType } from '../../graph/types.ts';
import type { Emitter } from '../emitter.ts';
import { requireAll } from './requirements.ts';

/** The largest int64: no check of int64 values needs it, and no number of JavaScript is it. */
const LARGEST = 2n ** 63n - 1n;

/** Whole numbers as another dtype, whose computation fails the run where one of them does not fit. */
export function exactly(emitter: Emitter, { name, type }: { name: string; type: TensorType }, dtype: DType): string {
  const [least, most] = RANGES[dtype]!;
  // An int64 holds the numbers of every other dtype but large ones of uint64, which are below 0 in it.
  const isUnsigned = type.dtype.startsWith('uint');
  const wide = emitter.cast(name, type.dtype, 'int64');
  const bounds = [];
  const least64 = isUnsigned ? 0n : least;
  if (least64 >= -(2n ** 53n)) bounds.push(emitter.node('GreaterOrEqual', [wide, bound(emitter, least64)]));
  if (most < LARGEST) bounds.push(emitter.node('LessOrEqual', [wide, bound(emitter, most)]));
  const checked = bounds.reduce(
    (value, holds) => emitter.node('Add', [value, requireAll(emitter, 'fits', holds)]),
    wide,
  );
  return emitter.cast(checked, 'int64', dtype);
}

function bound(emitter: Emitter, value: bigint): string {
  return emitter.constant('int64', [Number(value)]);
}
