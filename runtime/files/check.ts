import { Tensor } from '../tensor/tensor.ts';
import { TensorFileError } from './error.ts';

/** What a call is given, checked before anything is read or written. `call` is how it is written: `saveNpy(path, tensor)`. */

/** @throws TensorFileError for anything but a path, and for arguments that the call does not have */
export function checkPath(call: string, path: unknown, more: readonly unknown[] = []): void {
  if (typeof path !== 'string' || path === '') {
    const hint = path instanceof URL ? ': fileURLToPath(url) makes one of a URL' : '';
    throw new TensorFileError(`${call}: the path is a text${hint}.`);
  }
  if (more.some((argument) => argument !== undefined)) {
    throw new TensorFileError(`${call} takes no further arguments, and no options.`);
  }
}

/** @throws TensorFileError for what has no elements: the values of a block among them */
export function checkTensor(call: string, value: unknown): void {
  if (value instanceof Tensor) return;
  throw new TensorFileError(
    `${call} takes a tensor with its elements, as a trace gives it back. Tensor.from([[1, 2]]) makes one of numbers.`,
  );
}

/** @throws TensorFileError for anything but tensors by name */
export function checkTensors(call: string, tensors: unknown): void {
  const isNamed =
    typeof tensors === 'object' &&
    tensors !== null &&
    [Object.prototype, null].includes(Object.getPrototypeOf(tensors));
  if (!isNamed) throw new TensorFileError(`${call} takes tensors by name: { name: tensor }.`);
  for (const [name, tensor] of Object.entries(tensors as object)) {
    if (!(tensor instanceof Tensor)) throw new TensorFileError(`${call}: '${name}' is no tensor with its elements.`);
  }
}
