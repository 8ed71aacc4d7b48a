import type { DType } from '../graph/types.ts';
import type { Operand } from './tensor.ts';

/** One dimension or several; negative ones count from the end. null is all of them. */
export type Dims = number | readonly number[] | null;
/** A shape written out, `view(2, 3)`, or as an array, `view([2, 3])`. */
export type Sizes = readonly number[] | readonly [readonly number[]];
/** A shape of a new tensor, with or without options behind it. */
export type SizesAnd<Options> =
  | Sizes
  | readonly [...size: number[], options: Options]
  | readonly [size: readonly number[], options: Options];

export interface DTypeOptions {
  readonly dtype?: DType;
}

/** Of `quantile`: what stands for a value between two others. */
export interface QuantileOptions {
  readonly keepdim?: boolean;
  readonly interpolation?: 'linear' | 'lower' | 'higher' | 'midpoint' | 'nearest';
}

/** Whether reduced dimensions stay, with size 1. */
export interface KeepdimOptions {
  readonly keepdim?: boolean;
}

export type Keepdim = boolean | KeepdimOptions;

/** Whether the largest come first. */
export interface DescendingOptions {
  readonly descending?: boolean;
}

/** Whether the largest are wanted, or the smallest. */
export interface LargestOptions {
  readonly largest?: boolean;
}

/** Options with the dimensions among them: `mean({ dim: -1, keepdim: true })`. */
export type Over<Options> = Options & { readonly dim?: Dims };
/** Options with the one dimension among them: `argmax({ dim: -1 })`. */
export type At<Options> = Options & { readonly dim?: number | null };

export interface ReductionOptions extends DTypeOptions {
  readonly keepdim?: boolean;
}

export interface NormOptions extends Over<ReductionOptions> {
  /** The order: 2 unless given. */
  readonly p?: number;
}

export interface VarianceOptions {
  readonly keepdim?: boolean;
  /** The number that is subtracted from the number of elements: 1 (Bessel's correction) unless given. */
  readonly correction?: number;
}

export interface CovarianceOptions {
  /** The number that is subtracted from the number of observations: 1 unless given. */
  readonly correction?: number;
}

export interface RandomOptions extends DTypeOptions {
  /** The same seed gives the same numbers. */
  readonly seed?: number;
}

export interface ClampBounds {
  readonly min?: number | null;
  readonly max?: number | null;
}

export interface LossOptions {
  /** `'mean'` unless given. */
  readonly reduction?: 'mean' | 'sum' | 'none';
}

export interface CrossEntropyOptions extends LossOptions {
  /** One weight per class. */
  readonly weight?: Operand;
  /** The class that does not count: -100 unless given. */
  readonly ignoreIndex?: number;
  readonly labelSmoothing?: number;
}

export interface DivOptions {
  readonly roundingMode?: 'floor' | 'trunc' | null;
}

export interface SvdOptions {
  /** Whether vectors come that belong to no singular value: true unless given. */
  readonly fullMatrices?: boolean;
}

export interface NormalizeOptions {
  /** The order of the norm: 2 unless given. */
  readonly p?: number | undefined;
  /** 1 unless given. */
  readonly dim?: Dims | undefined;
  /** What the norm is at least: 1e-12 unless given. */
  readonly eps?: number | undefined;
}

export interface KlDivOptions extends LossOptions {
  /** Whether the target is the logarithm of probabilities. */
  readonly logTarget?: boolean;
}

export interface GeluOptions {
  readonly approximate?: 'none' | 'tanh';
}

/** How gradients are taken. */
export interface GradOptions {
  /** What comes in at the loss, of its shape; 1 unless given. */
  readonly gradient?: Operand;
  /** Whether a gradient by a tensor that the loss does not depend on comes back as undefined; an error unless set. */
  readonly allowUnused?: boolean;
  /** Whether such a gradient is zeros. */
  readonly materializeGrads?: boolean;
}
