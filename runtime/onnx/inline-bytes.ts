import type { DType } from '../graph/types.ts';
import { encode } from '../tensor/storage.ts';
import type { TensorProto } from './proto.ts';

/** The elements of a tensor that stand inside of it, as they lie in memory. */
export function inlineBytes(tensor: TensorProto, dtype: DType): Uint8Array {
  const { rawData, floatData, doubleData, int32Data, int64Data, uint64Data } = tensor;
  if (rawData.length > 0) return rawData;
  const list = [floatData, doubleData, int32Data, int64Data, uint64Data].find((one) => one.length > 0) ?? [];
  // Halves stand as their bits among the int32.
  return new Uint8Array(encode(list, dtype === 'float16' ? 'uint16' : dtype).buffer);
}
