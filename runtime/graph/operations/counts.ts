import type { AttributesOf, TensorOp } from '../ops.ts';

/** How many operands the items of an index have. */
function operandsOf({ items }: AttributesOf<'getitem'>): number {
  return items.reduce((sum, item) => {
    if (item.kind === 'slice') return sum + [item.start, item.stop, item.step].filter(Boolean).length;
    return item.kind === 'newaxis' || item.kind === 'ellipsis' ? sum : sum + 1;
  }, 0);
}

/** How many inputs each operation has: a number, any, or what its attributes say. */
const counts: { readonly [O in TensorOp]: number | 'any' | ((attributes: AttributesOf<O>) => number) } = {
  neg: 1,
  abs: 1,
  sqrt: 1,
  exp: 1,
  log: 1,
  sin: 1,
  cos: 1,
  tan: 1,
  tanh: 1,
  sigmoid: 1,
  erf: 1,
  reciprocal: 1,
  relu: 1,
  floor: 1,
  ceil: 1,
  round: 1,
  sign: 1,
  isnan: 1,
  logicalNot: 1,
  bitwiseNot: 1,
  gelu: 1,
  cast: 1,
  add: 2,
  sub: 2,
  mul: 2,
  div: 2,
  remainder: 2,
  pow: 2,
  minimum: 2,
  maximum: 2,
  eq: 2,
  ne: 2,
  lt: 2,
  le: 2,
  gt: 2,
  ge: 2,
  logicalAnd: 2,
  logicalOr: 2,
  bitwiseAnd: 2,
  bitwiseOr: 2,
  bitwiseXor: 2,
  where: 3,
  sum: 1,
  prod: 1,
  mean: 1,
  norm: 1,
  amax: 1,
  amin: 1,
  all: 1,
  any: 1,
  argmax: 1,
  argmin: 1,
  cumsum: 1,
  softmax: 1,
  logSoftmax: 1,
  sort: 1,
  topk: 2,
  reshape: 2,
  expand: 2,
  permute: 1,
  unsqueeze: 1,
  squeeze: 1,
  flatten: 1,
  split: 1,
  cat: 'any',
  shape: 1,
  numel: 1,
  gather: 2,
  scatter: 3,
  indexSelect: 2,
  getitem: (attributes) => 1 + operandsOf(attributes),
  setitem: (attributes) => 2 + operandsOf(attributes),
  detach: 1,
  matmul: 2,
  einsum: 'any',
  triu: 1,
  tril: 1,
  full: 2,
};

/** How many inputs an operation has; null if any number will do. */
export function inputCount<O extends TensorOp>(op: O, attributes: AttributesOf<O>): number | null {
  const count = counts[op];
  if (count === 'any') return null;
  return typeof count === 'number' ? count : count(attributes);
}
