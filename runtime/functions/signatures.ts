import {
  dim,
  dims,
  dtype,
  either,
  flag,
  type Kind,
  none,
  number,
  oneOf,
  operand,
  operands,
  plain,
  size,
  sizes,
  tensor,
  text,
} from './kinds.ts';

/** A parameter of a function: what it takes by position, and whether options may stand there by their names. */
export interface Parameter extends Kind {
  readonly mode: 'needed' | 'optional' | 'rest';
  readonly options: boolean;
}

function needed(kind: Kind): Parameter {
  return { ...kind, mode: 'needed', options: false };
}

function optional(kind: Kind): Parameter {
  return { ...kind, mode: 'optional', options: false };
}

/** Any number of arguments. */
function rest(kind: Kind): Parameter {
  return { ...kind, mode: 'rest', options: false };
}

/** Where options may stand, too. */
function named(parameter: Parameter): Parameter {
  return { ...parameter, options: true };
}

/** Options that have no other place. */
const options = named(optional({ text: 'options by their names', fits: () => false }));
const input = needed(operand);
const other = needed(operand);
const index = needed(operand);
const orNull = (kind: Kind) => optional(either(kind, none));

const unary = { input };
const binary = { input, other };
const reduction = { input, dim: named(optional(dims)), keepdim: named(optional(flag)) };
const search = { input, dim: named(orNull(dim)), keepdim: named(optional(flag)) };
const extreme = { input, other: named(optional(operand)), keepdim: named(optional(flag)) };
const variance = {
  input,
  dim: named(optional(either(dims, flag))),
  unbiased: named(optional(flag)),
  keepdim: optional(flag),
};
const along = { input, dim: named(needed(dim)), dtype: named(optional(dtype)) };
const sorting = { input, dim: named(optional(dim)), descending: named(optional(flag)) };
const scattering = { input, dim: needed(dim), index, src: needed(operand) };
const shaping = { input, sizes: rest(either(size, sizes)) };
const creation = { size: named(rest(either(size, sizes))) };
const filled = { input, options };
const triangle = { input, diagonal: optional(size) };
const joining = { tensors: needed(operands), dim: optional(dim) };
const loss = { input, target: needed(operand), options: named(optional(oneOf(['mean', 'sum', 'none']))) };
const classes = { input, target: needed(operand), weight: named(optional(operand)) };
const modes = ['none', 'tanh'];

/**
 * What every function takes, by the names of its parameters in their order. Methods take the same, with the tensor that
 * they are called on as the first.
 */
export const SIGNATURES = {
  abs: unary,
  add: binary,
  all: reduction,
  amax: reduction,
  amin: reduction,
  any: reduction,
  arange: { range: named(rest(number)) },
  argmax: search,
  argmin: search,
  argsort: sorting,
  backward: { loss: input, gradient: optional(operand) },
  bitwiseAnd: binary,
  bitwiseNot: unary,
  bitwiseOr: binary,
  bitwiseXor: binary,
  bmm: { input, mat2: other },
  bool: unary,
  cat: joining,
  ceil: unary,
  chunk: { input, chunks: needed(number), dim: optional(dim) },
  clamp: { input, min: named(orNull(operand)), max: orNull(operand) },
  clone: unary,
  contiguous: unary,
  cos: unary,
  cosineSimilarity: { input, other, dim: optional(dim), eps: optional(number) },
  countNonzero: { input, dim: optional(dims) },
  cov: { input, options },
  crossEntropy: classes,
  cumsum: along,
  detach: unary,
  diagonal: { input, offset: optional(number), dim1: optional(dim), dim2: optional(dim) },
  div: { input, other, roundingMode: named(optional(oneOf(['floor', 'trunc', null]))) },
  dot: binary,
  double: unary,
  eigh: unary,
  einsum: { equation: needed(text), operands: rest(operand) },
  empty: creation,
  eq: binary,
  erf: unary,
  exp: unary,
  expand: shaping,
  expandAs: binary,
  expm1: unary,
  eye: { n: needed(size), m: named(optional(size)), options },
  flatten: { input, startDim: optional(dim), endDim: optional(dim) },
  flip: { input, dims: rest(either(dim, sizes)) },
  float: unary,
  floor: unary,
  floorDivide: binary,
  fmod: binary,
  full: { size: needed(sizes), value: needed(operand), options },
  fullLike: { input, value: needed(operand), options },
  gather: { input, dim: needed(dim), index },
  ge: binary,
  gelu: { input, approximate: named(optional(oneOf(modes))) },
  grad: { loss: input, inputs: needed(operand), options },
  gt: binary,
  half: unary,
  indexSelect: { input, dim: needed(dim), index },
  int: unary,
  isinf: unary,
  isnan: unary,
  item: unary,
  klDiv: loss,
  layerNorm: {
    input,
    normalizedShape: needed(either(size, sizes)),
    weight: orNull(operand),
    bias: orNull(operand),
    eps: optional(number),
  },
  le: binary,
  lerp: { input, end: needed(operand), weight: needed(operand) },
  linear: { input, weight: needed(operand), bias: orNull(operand) },
  linspace: { start: needed(number), end: needed(number), steps: needed(number), options },
  log: unary,
  log10: unary,
  log1p: unary,
  log2: unary,
  logSoftmax: along,
  logicalAnd: binary,
  logicalNot: unary,
  logicalOr: binary,
  logicalXor: binary,
  logspace: {
    start: needed(number),
    end: needed(number),
    steps: needed(number),
    base: optional(number),
    options,
  },
  logsumexp: { input, dim: named(needed(dims)), keepdim: named(optional(flag)) },
  long: unary,
  lstsq: binary,
  lt: binary,
  maskedFill: { input, mask: needed(operand), value: needed(operand) },
  maskedSelect: { input, mask: needed(operand) },
  matmul: binary,
  max: extreme,
  maximum: binary,
  mean: reduction,
  median: search,
  min: extreme,
  minimum: binary,
  mm: { input, mat2: other },
  movedim: { input, source: needed(dim), destination: needed(dim) },
  mseLoss: loss,
  mul: binary,
  narrow: { input, dim: needed(dim), start: needed(size), length: needed(size) },
  ne: binary,
  neg: unary,
  nllLoss: classes,
  norm: {
    input,
    p: named(optional(either(plain, oneOf(['fro', null])))),
    dim: named(optional(dims)),
    keepdim: named(optional(flag)),
  },
  normalize: { input, p: named(optional(number)), dim: optional(dims), eps: optional(number) },
  numel: unary,
  ones: creation,
  onesLike: filled,
  outer: { input, vec2: other },
  permute: { input, dims: rest(either(dim, sizes)) },
  pinv: unary,
  pow: { input, exponent: other },
  prod: reduction,
  qr: unary,
  quantile: { input, q: needed(operand), dim: named(orNull(dim)), keepdim: named(optional(flag)) },
  rand: creation,
  randLike: filled,
  randint: { low: needed(number), high: needed(either(number, sizes)), size: named(optional(sizes)), options },
  randn: creation,
  randnLike: filled,
  randperm: { n: needed(number), options },
  rearrange: { input, pattern: needed(text), sizes: options },
  reciprocal: unary,
  relu: unary,
  remainder: binary,
  repeat: shaping,
  reshape: shaping,
  rmsNorm: {
    input,
    normalizedShape: needed(either(size, sizes)),
    weight: orNull(operand),
    eps: orNull(number),
  },
  round: { input, decimals: optional(number) },
  rsqrt: unary,
  save: unary,
  scatter: scattering,
  scatterAdd: scattering,
  select: { input, dim: needed(dim), index: needed(size) },
  shape: unary,
  sigmoid: unary,
  sign: unary,
  silu: unary,
  sin: unary,
  size: { input, dim: optional(dim) },
  softmax: along,
  softplus: unary,
  sort: sorting,
  split: { input, size: needed(either(number, sizes)), dim: optional(dim) },
  sqrt: unary,
  square: unary,
  squeeze: { input, dim: optional(dims) },
  stack: joining,
  std: variance,
  sub: binary,
  sum: reduction,
  svd: { input, fullMatrices: named(optional(flag)) },
  t: unary,
  take: { input, index },
  tan: unary,
  tanh: unary,
  tensor: { data: input, options },
  to: { input, dtype: needed(either(dtype, tensor)) },
  toArray: unary,
  topk: { input, k: needed(size), dim: named(optional(dim)), largest: named(optional(flag)) },
  trace: unary,
  transpose: { input, dim0: needed(dim), dim1: needed(dim) },
  tril: triangle,
  triu: triangle,
  trunc: unary,
  unbind: { input, dim: optional(dim) },
  unflatten: { input, dim: needed(dim), sizes: needed(sizes) },
  unsqueeze: { input, dim: needed(dim) },
  var: variance,
  view: shaping,
  where: { condition: needed(operand), input, other },
  zeros: creation,
  zerosLike: filled,
} satisfies Record<string, Readonly<Record<string, Parameter>>>;
