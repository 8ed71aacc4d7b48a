import type { DType } from '../graph/dtypes.ts';

/** A dimension: a size, the name of a free one, or null for one without a name. */
export type Dim = number | string | null;

/** An input or an output of a model. Dims are null where even their number is free. */
export interface ModelTensor {
  readonly name: string;
  /** Null if it is not a tensor, or has an element type without a name here. */
  readonly dtype: DType | null;
  /** How to call an element type that has no name here. */
  readonly element?: string;
  readonly dims: readonly Dim[] | null;
  /** Of an input that asks whether the cache holds something: what it is where it does. */
  readonly cacheSwitch?: boolean;
  /** Of an input of the key-value cache that keeps the last tokens alone: how many, however many there were. */
  readonly window?: number;
}
