import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { allocate } from '../tensor/storage.ts';
import { type AnyTensor, Tensor } from '../tensor/tensor.ts';
import { dtypeName } from './dtypes.ts';
import { externalEntry, isExternal } from './external.ts';
import { inlineBytes } from './inline-bytes.ts';
import type { OnnxModel } from './model.ts';
import type { TensorProto } from './proto.ts';

/**
 * An initializer as a tensor with its elements, read from the file now: nothing of it is kept. Null where it has no dtype
 * here, or not as many elements as its dims say.
 * Throws a `ModelError` if a file of the model has changed since it was opened.
 */
export function initializerTensor(model: OnnxModel, name: string): AnyTensor | null {
  const tensor = model.initializers.get(name);
  const dtype = tensor === undefined ? null : dtypeName(tensor.dataType);
  if (tensor === undefined || dtype === null) return null;
  const dims = tensor.dims.map(Number);
  const raw = allocate(
    dtype,
    dims.reduce((product, size) => product * size, 1),
  );
  if (!fill(new Uint8Array(raw.buffer), tensor, model)) return null;
  return new Tensor(dtype as 'float32', dims, raw as Float32Array<ArrayBuffer>);
}

/**
 * The bytes of an initializer of any element type, as they lie in the file. Null where they are not there.
 * Throws a `ModelError` if a file of the model has changed since it was opened.
 */
export function initializerBytes(model: OnnxModel, name: string): Uint8Array | null {
  const tensor = model.initializers.get(name);
  if (tensor === undefined) return null;
  if (!isExternal(tensor)) return inlineBytes(tensor);
  const bytes = new Uint8Array(Number(externalEntry(tensor, 'length') ?? 0));
  return bytes.length > 0 && fill(bytes, tensor, model) ? bytes : null;
}

/** Fills `bytes` with the elements; false if they are not there as so many bytes. */
function fill(bytes: Uint8Array, tensor: TensorProto, model: OnnxModel): boolean {
  if (!isExternal(tensor)) {
    const own = inlineBytes(tensor);
    if (own.length !== bytes.length) return false;
    bytes.set(own);
    return true;
  }
  model.checkFiles();
  const file = openSync(join(model.folder, externalEntry(tensor, 'location')!), 'r');
  try {
    return readSync(file, bytes, 0, bytes.length, Number(externalEntry(tensor, 'offset') ?? 0)) === bytes.length;
  } finally {
    closeSync(file);
  }
}
