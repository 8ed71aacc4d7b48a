import './environment.ts';
import { Tensor } from 'onnxruntime-node';
import type { OperandData } from '../../graph/graph.ts';
import type { DType } from '../../graph/types.ts';
import { decode, type Raw } from '../../tensor/storage.ts';
import type { SessionTensor } from '../port.ts';

export function makeTensor(
  dtype: DType | 'string',
  dims: readonly number[],
  data: OperandData['data'] | readonly string[],
): SessionTensor {
  const own = dtype === 'bool' ? decode(data as Raw, dtype) : data;
  return new Tensor(dtype as 'float32', own as Float32Array<ArrayBuffer>, dims) as SessionTensor;
}

export function copyTensor({ type, dims, data }: SessionTensor): SessionTensor {
  if (isStrings(data)) return makeTensor('string', dims, [...data]);
  // Node's Buffer has a slice of its own, which copies nothing.
  return makeTensor(type, dims, Uint8Array.prototype.slice.call(data));
}

export function isSameTensor(a: SessionTensor, b: SessionTensor): boolean {
  if (a === b) return true;
  if (a.type !== b.type || a.dims.length !== b.dims.length) return false;
  if (a.dims.some((size, i) => size !== b.dims[i])) return false;
  if (isStrings(a.data)) return a.data.every((text, i) => text === (b.data as ArrayLike<unknown>)[i]);
  return Buffer.compare(bytesOf(a), bytesOf(b)) === 0;
}

/** The data of a tensor of strings is an array. */
function isStrings(data: unknown): data is readonly string[] {
  return Array.isArray(data);
}

function bytesOf({ data }: SessionTensor): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
