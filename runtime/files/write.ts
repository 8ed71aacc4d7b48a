import { randomUUID } from 'node:crypto';
import { rename, rm, writeFile } from 'node:fs/promises';
import type { AnyTensor } from '../tensor/tensor.ts';

/** The name of a file while it is written: a reader of the real one finds the whole content, or the old one. */
export function besideOf(path: string): string {
  return `${path}.${randomUUID()}.partial`;
}

export async function writeWhole(path: string, parts: readonly Uint8Array[]): Promise<void> {
  const beside = besideOf(path);
  try {
    await writeFile(beside, parts);
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
}

/** The elements row by row, as they lie in memory: little-endian, as on every machine that ONNX Runtime runs on. */
export function bytesOf({ raw }: AnyTensor): Uint8Array {
  return new Uint8Array(raw.buffer, raw.byteOffset, raw.byteLength);
}
