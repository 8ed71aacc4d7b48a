import type { DType } from '../graph/types.ts';
import type { Slice } from '../tensor/at-index.ts';
import type { NestedArray } from '../tensor/nested.ts';
import type { TypedArray } from '../tensor/storage.ts';
import type { AnyTensor, Returned, Tensor } from '../tensor/tensor.ts';
import type { TensorFunctions } from './methods.ts';

declare const traced: unique symbol;
declare const saved: unique symbol;

/** The members of a traced tensor besides PyTorch's functions. */
export interface TensorMembers {
  readonly [traced]: true;
  /** The dimensions; a size that only the run will tell is a traced number. */
  readonly shape: readonly number[];
  readonly dtype: DType;
  /** The number of dimensions. */
  readonly ndim: number;
  /** The transpose of a matrix. */
  readonly T: Traced;
  /** The last two dimensions swapped. */
  readonly mT: Traced;
  /** The gradient of the last backward pass by this tensor, of its shape and dtype. What it is set to flows further back. */
  get grad(): Traced;
  set grad(gradient: Operand);
  /** Brings the value back from the run. */
  save(): Saved;
  [Symbol.iterator](): IterableIterator<Traced>;
  // biome-ignore lint/suspicious/noExplicitAny: reads give a Traced and writes take an Operand, which an index cannot say.
  [index: number]: any;
  // biome-ignore lint/suspicious/noExplicitAny: as above, for h[':, -1'].
  [slice: Slice]: any;
}

// The emitted declarations keep this name as it is, so that it is that of the emitted file.
declare module '../tensor/tensor.js' {
  // What a trace has given computes by the same functions: outside of blocks at once.
  interface Tensor<D extends DType = 'float32'> extends Omit<TensorFunctions, 'reshape' | 'to'> {
    /** The transpose of a matrix. */
    readonly T: Traced;
    /** The last two dimensions swapped. */
    readonly mT: Traced;
    // The type checker loses it otherwise: names that are computed are not merged.
    [Symbol.iterator](): IterableIterator<Tensor<D>>;
  }
}

export interface TensorMethods extends TensorMembers, TensorFunctions {}

/** A tensor of the model while a block is traced: a number to the type checker, so that JavaScript's operators are allowed on it. */
export type TracedNumber = number & TensorMethods & Tensor;

declare global {
  /** What `"types": ["onnsight/numbers"]` turns on. */
  interface OnnsightTypes {}
}

/**
 * A tensor of the model while a block is traced. It is a number to the type checker, so that JavaScript's operators are
 * allowed on it; the compiler turns them into operations of the graph. What functions give outside of blocks is a `Tensor`
 * with its elements, which are not there in a block: reading them is an error. With `"types": ["onnsight/numbers"]` it is
 * any number, as all numbers then have its methods.
 */
export type Traced = 'numbers' extends keyof OnnsightTypes ? number : TracedNumber;

/** A traced tensor that comes back from the run: a plain tensor once the trace is over. */
export type Saved = Traced & { readonly [saved]: true };

/** What is saved of a value: of an array or a plain object what it holds. */
export type SavedEach<T> = T extends Traced | number | boolean | bigint | AnyTensor
  ? Saved
  : readonly T[] extends T
    ? // biome-ignore lint/suspicious/noExplicitAny: arrays of any depth, which no type can follow.
      any
    : T extends readonly unknown[] | Readonly<Record<string, unknown>>
      ? { -readonly [K in keyof T]: SavedEach<T[K]> }
      : T;

/** An operand beside a traced tensor: another one, or data of this run. */
export type Operand = Traced | number | boolean | bigint | AnyTensor | TypedArray | OperandArray;
/** Numbers and traced tensors in arrays, all of one shape at each depth. */
export type OperandArray = NestedArray | readonly (Operand | OperandArray)[];

/** The result of a trace for the block's result: saved values become tensors, unsaved ones are not allowed. */
export type Resolved<T> = T extends Saved
  ? Returned
  : T extends TracedNumber
    ? never
    : T extends AnyTensor | ((...values: never[]) => unknown)
      ? T
      : T extends readonly unknown[]
        ? { [K in keyof T]: Resolved<T[K]> }
        : T extends ReadonlyMap<infer K, infer V>
          ? Map<K, Resolved<V>>
          : T extends object
            ? { [K in keyof T]: Resolved<T[K]> }
            : T;

/** The largest or smallest values along a dimension, and where they are (int64). */
export interface ValuesAndIndices {
  readonly values: Traced;
  readonly indices: Traced;
}
