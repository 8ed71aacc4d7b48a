import { decodeFloat16, encodeFloat16 } from './float16.ts';
import type { RawOf } from './storage.ts';

type Floats = RawOf<'float16' | 'float32' | 'float64'>;

/** The sums of the elements of two tensors of floats, as they lie in memory. */
export function addElements<T extends Floats>(a: T, b: Floats): T {
  const sum = a.slice() as T;
  const isHalf = a instanceof Uint16Array;
  for (let i = 0; i < sum.length; i++) {
    sum[i] = isHalf ? encodeFloat16(decodeFloat16(a[i]!) + decodeFloat16(b[i]!)) : a[i]! + b[i]!;
  }
  return sum;
}
