/**
 * `"types": ["onnsight/numbers"]` in `compilerOptions`: to the type checker all numbers and truth values have the methods of
 * tensors, and a traced tensor is a number. Then what operators give has them, too: `(x * y).sum()`, `(x > 0).float()`; and
 * `let t = x.sum(); t = t / 2` is right. The price: numbers that are none of a model's have these methods, too.
 */

import type { AtIndex, Slice } from './dist/runtime/tensor/at-index.js';
import type { Tensor } from './dist/runtime/tensor/tensor.js';
import type { TensorFunctions } from './dist/runtime/types/methods.js';
import type { Operand, Saved, Traced } from './dist/runtime/types/tensor.js';

/** The members of a tensor besides functions and methods. */
interface Members extends Pick<Tensor, 'shape' | 'ndim' | 'dtype' | 'T' | 'mT' | 'item' | 'data' | 'dims' | 'toArray'> {
  get grad(): Traced;
  set grad(gradient: Operand);
  save(): Saved;
  [Symbol.iterator](): IterableIterator<Traced>;
  [index: number]: AtIndex<number>;
  [slice: Slice]: AtIndex<number>;
}

declare global {
  interface OnnsightTypes {
    numbers: true;
  }
  interface Number extends TensorFunctions, Members {}
  interface Boolean extends TensorFunctions, Members {}
}
