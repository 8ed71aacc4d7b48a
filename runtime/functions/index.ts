/**
 * PyTorch's functions by PyTorch's names, in camel case. In a block they become part of the graph; outside of blocks they
 * compute at once, and give tensors.
 */
export {
  add,
  bitwiseAnd,
  bitwiseOr,
  bitwiseXor,
  clamp,
  div,
  eq,
  floorDivide,
  fmod,
  ge,
  gt,
  le,
  lerp,
  logicalAnd,
  logicalOr,
  logicalXor,
  lt,
  maskedFill,
  maximum,
  minimum,
  mul,
  ne,
  pow,
  remainder,
  sub,
  where,
} from './arithmetic.ts';
export {
  bool,
  clone,
  contiguous,
  double,
  float,
  fullLike,
  half,
  int,
  long,
  onesLike,
  to,
  zerosLike,
} from './conversion.ts';
export { cov } from './covariance.ts';
export { arange, empty, eye, full, linspace, logspace, ones, tensor, zeros } from './creation.ts';
export { eigh, lstsq, pinv, qr, type SingularValues, svd } from './decompositions.ts';
export { amax, amin, argmax, argmin, max, min } from './extrema.ts';
export { backward, detach, grad } from './gradients.ts';
export {
  diagonal,
  flip,
  gather,
  indexSelect,
  maskedSelect,
  narrow,
  scatter,
  scatterAdd,
  select,
  take,
  tril,
  triu,
} from './indexing.ts';
export { cat, chunk, concat, split, stack, unbind } from './joining.ts';
export { bmm, dot, einsum, linear, matmul, mm, outer, trace } from './linear.ts';
export { crossEntropy, klDiv, mseLoss, nllLoss } from './losses.ts';
export { cosineSimilarity, cumsum, layerNorm, logSoftmax, normalize, rmsNorm, softmax } from './normalization.ts';
export {
  abs,
  bitwiseNot,
  ceil,
  cos,
  erf,
  exp,
  expm1,
  floor,
  gelu,
  isinf,
  isnan,
  log,
  log1p,
  log2,
  log10,
  logicalNot,
  neg,
  reciprocal,
  relu,
  round,
  rsqrt,
  sigmoid,
  sign,
  silu,
  sin,
  softplus,
  sqrt,
  square,
  tan,
  tanh,
  trunc,
} from './pointwise.ts';
export { median, quantile } from './quantiles.ts';
export { rearrange } from './rearrange.ts';
// `var` is a reserved word of JavaScript: it takes `import { var as name }`, or the other name.
export {
  all,
  any,
  countNonzero,
  logsumexp,
  mean,
  norm,
  prod,
  std,
  sum,
  variance,
  variance as var,
} from './reductions.ts';
export { rand, randint, randLike, randn, randnLike, randperm } from './sampling.ts';
export {
  expand,
  expandAs,
  flatten,
  movedim,
  numel,
  permute,
  repeat,
  reshape,
  shape,
  size,
  squeeze,
  t,
  transpose,
  unflatten,
  unsqueeze,
  view,
} from './shaping.ts';
export { argsort, sort, topk } from './sorting.ts';
