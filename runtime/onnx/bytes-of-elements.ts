import { TensorProto_DataType as T } from 'onnx-buf';
import type { TensorProto } from './proto.ts';

/** How many bits an element takes in a file; texts have no width. */
const BITS: ReadonlyMap<number, number> = new Map([
  ...[T.INT2, T.UINT2].map((type) => [type, 2] as const),
  ...[T.INT4, T.UINT4, T.FLOAT4E2M1].map((type) => [type, 4] as const),
  ...[T.BOOL, T.INT8, T.UINT8].map((type) => [type, 8] as const),
  ...[T.FLOAT8E4M3FN, T.FLOAT8E4M3FNUZ, T.FLOAT8E5M2, T.FLOAT8E5M2FNUZ, T.FLOAT8E8M0].map((type) => [type, 8] as const),
  ...[T.INT16, T.UINT16, T.FLOAT16, T.BFLOAT16].map((type) => [type, 16] as const),
  ...[T.INT32, T.UINT32, T.FLOAT].map((type) => [type, 32] as const),
  ...[T.INT64, T.UINT64, T.DOUBLE, T.COMPLEX64].map((type) => [type, 64] as const),
  [T.COMPLEX128, 128],
]);

/** How many bytes the elements of a tensor take in a file, those of few bits close together; null where their type has no width. */
export function bytesOfElements({ dataType, dims }: TensorProto): number | null {
  const bits = BITS.get(dataType);
  if (bits === undefined) return null;
  return Math.ceil((dims.reduce((count, dim) => count * Number(dim), 1) * bits) / 8);
}
