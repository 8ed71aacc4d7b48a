import { TensorProto_DataType as T } from 'onnx-buf';
import type { TensorProto } from './proto.ts';

/** The element types of two and four bytes among those that stand as int32; all others of them are of one, or share one. */
const OF_TWO_BYTES: ReadonlySet<number> = new Set([T.FLOAT16, T.BFLOAT16, T.UINT16, T.INT16]);

/** The elements of a tensor that stand inside of it, as they lie in memory, whichever list they are written in. */
export function inlineBytes(tensor: TensorProto): Uint8Array {
  const { dataType, rawData, floatData, doubleData, int32Data, int64Data, uint64Data } = tensor;
  if (rawData.length > 0) return rawData;
  if (floatData.length > 0) return bytesOf(Float32Array.from(floatData));
  if (doubleData.length > 0) return bytesOf(Float64Array.from(doubleData));
  if (int64Data.length > 0) return bytesOf(BigInt64Array.from(int64Data));
  if (dataType === T.UINT64) return bytesOf(BigUint64Array.from(uint64Data));
  if (dataType === T.UINT32) return bytesOf(Uint32Array.from(uint64Data, Number));
  if (dataType === T.INT32) return bytesOf(Int32Array.from(int32Data));
  return bytesOf(OF_TWO_BYTES.has(dataType) ? Uint16Array.from(int32Data) : Uint8Array.from(int32Data));
}

function bytesOf({ buffer }: { readonly buffer: ArrayBuffer }): Uint8Array {
  return new Uint8Array(buffer);
}
