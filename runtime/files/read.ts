import type { FileHandle } from 'node:fs/promises';
import type { DType } from '../graph/types.ts';
import { allocate } from '../tensor/storage.ts';
import { type Returned, Tensor } from '../tensor/tensor.ts';
import { TensorFileError } from './error.ts';

/** A tensor whose elements are a copy of these bytes. */
export function tensorOf(dtype: DType, dims: readonly number[], bytes: Uint8Array): Returned<DType> {
  const raw = allocate(dtype, sizeOf(dims));
  // Any byte but 0 is true, as numpy has it.
  new Uint8Array(raw.buffer).set(dtype === 'bool' ? bytes.map(Math.sign) : bytes);
  return new Tensor(dtype as 'float32', dims, raw as Float32Array<ArrayBuffer>) as Returned<DType>;
}

export function sizeOf(dims: readonly number[]): number {
  return dims.reduce((product, size) => product * size, 1);
}

/** How many bytes an element has. */
export function widthOf(dtype: DType): number {
  return allocate(dtype, 0).BYTES_PER_ELEMENT;
}

/** Fills `bytes` from a position of a file on. */
export async function readFully(file: FileHandle, bytes: Uint8Array, position: number, path: string): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesRead } = await file.read(bytes, done, bytes.length - done, position + done);
    if (bytesRead === 0) throw new TensorFileError(`${path} ends before its last element: it has changed.`);
    done += bytesRead;
  }
}
