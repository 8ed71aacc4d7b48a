import type { DType } from '../graph/types.ts';
import type {
  At,
  ClampBounds,
  CovarianceOptions,
  DescendingOptions,
  Dims,
  DivOptions,
  DTypeOptions,
  GeluOptions,
  Keepdim,
  KeepdimOptions,
  LargestOptions,
  NormalizeOptions,
  NormOptions,
  Over,
  QuantileOptions,
  RandomOptions,
  ReductionOptions,
  Sizes,
  VarianceOptions,
} from './options.ts';
import type { Operand, Traced, TracedNumber, ValuesAndIndices } from './tensor.ts';

/** Element by element. */
export interface PointwiseMethods {
  abs(): Traced;
  neg(): Traced;
  sqrt(): Traced;
  rsqrt(): Traced;
  square(): Traced;
  exp(): Traced;
  expm1(): Traced;
  log(): Traced;
  log2(): Traced;
  log10(): Traced;
  log1p(): Traced;
  sin(): Traced;
  cos(): Traced;
  tan(): Traced;
  tanh(): Traced;
  sigmoid(): Traced;
  relu(): Traced;
  gelu(approximate?: GeluOptions['approximate'] | GeluOptions): Traced;
  silu(): Traced;
  softplus(): Traced;
  erf(): Traced;
  floor(): Traced;
  ceil(): Traced;
  /** To the nearest; halves go to the even neighbour. */
  round(decimals?: number): Traced;
  trunc(): Traced;
  sign(): Traced;
  reciprocal(): Traced;
  isnan(): Traced;
  isinf(): Traced;
  logicalNot(): Traced;
  bitwiseNot(): Traced;
}

/** Element by element with another operand, broadcast. */
export interface BinaryMethods {
  add(other: Operand): Traced;
  sub(other: Operand): Traced;
  mul(other: Operand): Traced;
  div(other: Operand, options?: DivOptions): Traced;
  floorDivide(other: Operand): Traced;
  /** The rest of the division, with the sign of this tensor, as `%` gives it; `remainder` has the sign of `other`. */
  fmod(other: Operand): Traced;
  remainder(other: Operand): Traced;
  pow(exponent: Operand): Traced;
  minimum(other: Operand): Traced;
  maximum(other: Operand): Traced;
  eq(other: Operand): Traced;
  ne(other: Operand): Traced;
  lt(other: Operand): Traced;
  le(other: Operand): Traced;
  gt(other: Operand): Traced;
  ge(other: Operand): Traced;
  logicalAnd(other: Operand): Traced;
  logicalOr(other: Operand): Traced;
  logicalXor(other: Operand): Traced;
  bitwiseAnd(other: Operand): Traced;
  bitwiseOr(other: Operand): Traced;
  bitwiseXor(other: Operand): Traced;
  lerp(end: Operand, weight: Operand): Traced;
  clamp(min?: Operand | ClampBounds | null, max?: Operand | null): Traced;
  /** This tensor where the condition holds, `other` elsewhere. */
  where(condition: Operand, other: Operand): Traced;
  maskedFill(mask: Operand, value: Operand): Traced;
}

/** One value out of many: over all elements, or along dimensions. */
export interface ReductionMethods {
  sum(dim?: Dims | Over<ReductionOptions>, keepdim?: boolean | ReductionOptions): Traced;
  prod(dim?: Dims | Over<ReductionOptions>, keepdim?: boolean | ReductionOptions): Traced;
  mean(dim?: Dims | Over<ReductionOptions>, keepdim?: boolean | ReductionOptions): Traced;
  std(dim?: Dims | boolean | Over<VarianceOptions>, unbiased?: boolean | VarianceOptions, keepdim?: boolean): Traced;
  var(dim?: Dims | boolean | Over<VarianceOptions>, unbiased?: boolean | VarianceOptions, keepdim?: boolean): Traced;
  norm(p?: number | 'fro' | null | NormOptions, dim?: Dims, keepdim?: boolean | ReductionOptions): Traced;
  logsumexp(dim: Dims | Over<KeepdimOptions>, keepdim?: Keepdim): Traced;
  amax(dim?: Dims | Over<KeepdimOptions>, keepdim?: Keepdim): Traced;
  amin(dim?: Dims | Over<KeepdimOptions>, keepdim?: Keepdim): Traced;
  all(dim?: Dims | Over<KeepdimOptions>, keepdim?: Keepdim): Traced;
  any(dim?: Dims | Over<KeepdimOptions>, keepdim?: Keepdim): Traced;
  countNonzero(dim?: Dims): Traced;
  median(): Traced;
  median(dim: number, keepdim?: Keepdim): ValuesAndIndices;
  median(dim: At<KeepdimOptions>): ValuesAndIndices;
  quantile(q: Operand, dim?: number | null | At<QuantileOptions>, keepdim?: boolean | QuantileOptions): Traced;
  argmax(dim?: number | null | At<KeepdimOptions>, keepdim?: Keepdim): Traced;
  argmin(dim?: number | null | At<KeepdimOptions>, keepdim?: Keepdim): Traced;
  max(): Traced;
  max(other: Exclude<Operand, number> | TracedNumber): Traced;
  max(dim: number, keepdim?: Keepdim): ValuesAndIndices;
  max(dim: At<KeepdimOptions>): ValuesAndIndices;
  min(): Traced;
  min(other: Exclude<Operand, number> | TracedNumber): Traced;
  min(dim: number, keepdim?: Keepdim): ValuesAndIndices;
  min(dim: At<KeepdimOptions>): ValuesAndIndices;
}

/** Along one dimension. */
export interface DimensionMethods {
  softmax(dim: number | At<DTypeOptions>, dtype?: DType | DTypeOptions): Traced;
  logSoftmax(dim: number | At<DTypeOptions>, dtype?: DType | DTypeOptions): Traced;
  normalize(p?: number | NormalizeOptions, dim?: Dims, eps?: number): Traced;
  cosineSimilarity(other: Operand, dim?: number, eps?: number): Traced;
  cumsum(dim: number | At<DTypeOptions>, dtype?: DType | DTypeOptions): Traced;
  topk(k: number, dim?: number | At<LargestOptions>, largest?: boolean | LargestOptions): ValuesAndIndices;
  sort(dim?: number | At<DescendingOptions>, descending?: boolean | DescendingOptions): ValuesAndIndices;
  argsort(dim?: number | At<DescendingOptions>, descending?: boolean | DescendingOptions): Traced;
  flip(...dims: Sizes): Traced;
}

/** Other dimensions, the same elements: views of the tensor, as in PyTorch. */
export interface ShapeMethods {
  view(...sizes: Sizes): Traced;
  reshape(...sizes: Sizes): Traced;
  flatten(startDim?: number, endDim?: number): Traced;
  unflatten(dim: number, sizes: readonly number[]): Traced;
  squeeze(dim?: Dims): Traced;
  unsqueeze(dim: number): Traced;
  transpose(dim0: number, dim1: number): Traced;
  permute(...dims: Sizes): Traced;
  movedim(source: number, destination: number): Traced;
  t(): Traced;
  expand(...sizes: Sizes): Traced;
  expandAs(other: Operand): Traced;
  repeat(...repeats: Sizes): Traced;
  split(size: number | readonly number[], dim?: number): Traced[];
  chunk(chunks: number, dim?: number): Traced[];
  unbind(dim?: number): Traced[];
  numel(): Traced;
  /** The dimensions; a size that only the run will tell is a traced number. */
  size(): readonly number[];
  size(dim: number): number;
}

/** Elements by their places. */
export interface IndexingMethods {
  select(dim: number, index: number): Traced;
  diagonal(offset?: number, dim1?: number, dim2?: number): Traced;
  narrow(dim: number, start: number, length: number): Traced;
  gather(dim: number, index: Operand): Traced;
  scatter(dim: number, index: Operand, src: Operand): Traced;
  scatterAdd(dim: number, index: Operand, src: Operand): Traced;
  indexSelect(dim: number, index: Operand): Traced;
  take(index: Operand): Traced;
  maskedSelect(mask: Operand): Traced;
  tril(diagonal?: number): Traced;
  triu(diagonal?: number): Traced;
}

export interface LinearMethods {
  matmul(other: Operand): Traced;
  mm(other: Operand): Traced;
  bmm(other: Operand): Traced;
  dot(other: Operand): Traced;
  outer(other: Operand): Traced;
  trace(): Traced;
  cov(options?: CovarianceOptions): Traced;
}

/** Copies and conversions. */
export interface ConversionMethods {
  /** A copy that changes to this tensor do not reach. */
  clone(): Traced;
  contiguous(): Traced;
  to(dtype: DType | Traced): Traced;
  float(): Traced;
  double(): Traced;
  half(): Traced;
  long(): Traced;
  int(): Traced;
  bool(): Traced;
  zerosLike(options?: DTypeOptions): Traced;
  onesLike(options?: DTypeOptions): Traced;
  fullLike(value: Operand, options?: DTypeOptions): Traced;
  randLike(options?: RandomOptions): Traced;
  randnLike(options?: RandomOptions): Traced;
}

export interface GradientMethods {
  /** Opens a backward pass from this loss: from here on `x.grad` is the gradient by `x`. */
  backward(gradient?: Operand): void;
  /** The same tensor as a constant: no gradient flows through it. */
  detach(): Traced;
}

/** PyTorch's functions as methods: those of `onnsight`, with the tensor as their first argument. */
export interface TensorFunctions
  extends PointwiseMethods,
    BinaryMethods,
    ReductionMethods,
    DimensionMethods,
    ShapeMethods,
    IndexingMethods,
    LinearMethods,
    ConversionMethods,
    GradientMethods {}
