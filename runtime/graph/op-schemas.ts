import * as z from 'zod';
import { DTYPES } from './dtypes.ts';
import type { AttributesOf, Op, TensorOp } from './ops.ts';

/*
 * What the attributes of each operation have to be in a graph that came as data: by themselves, so that the declarations of
 * the package do without those of the schemas.
 */

type Schemas<O extends Op> = { readonly [One in O]: z.ZodType<AttributesOf<One>> };

const int = z.int();
const ints = z.array(int).readonly();

const none = z.strictObject({});
const alongDim = z.strictObject({ dim: int });
const reduction = z.strictObject({ dims: ints.nullable().default(null), keepdim: z.boolean().default(false) });
const argReduction = z.strictObject({ dim: int.nullable().default(null), keepdim: z.boolean().default(false) });
const triangle = z.strictObject({ diagonal: int });

const item = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal(['int', 'index', 'mask', 'newaxis', 'ellipsis']) }),
  z.strictObject({
    kind: z.literal('slice'),
    start: z.boolean(),
    stop: z.boolean(),
    step: z.boolean(),
    size: int.nullable().default(null),
  }),
]);
const index = z.strictObject({ items: z.array(item).readonly() });

const tensorOps: Schemas<TensorOp> = {
  neg: none,
  abs: none,
  sqrt: none,
  exp: none,
  log: none,
  sin: none,
  cos: none,
  tan: none,
  tanh: none,
  sigmoid: none,
  erf: none,
  reciprocal: none,
  relu: none,
  floor: none,
  ceil: none,
  round: none,
  sign: none,
  isnan: none,
  logicalNot: none,
  bitwiseNot: none,
  gelu: z.strictObject({ approximate: z.literal(['none', 'tanh']) }),
  cast: z.strictObject({ dtype: z.enum(DTYPES), exact: z.literal(true).optional() }),
  add: none,
  sub: none,
  mul: none,
  div: none,
  remainder: none,
  pow: none,
  minimum: none,
  maximum: none,
  eq: none,
  ne: none,
  lt: none,
  le: none,
  gt: none,
  ge: none,
  logicalAnd: none,
  logicalOr: none,
  bitwiseAnd: none,
  bitwiseOr: none,
  bitwiseXor: none,
  where: z.strictObject({ signed: z.boolean().default(true) }),
  sum: reduction,
  prod: reduction,
  mean: reduction,
  norm: reduction,
  amax: reduction,
  amin: reduction,
  all: reduction,
  any: reduction,
  argmax: argReduction,
  argmin: argReduction,
  cumsum: alongDim,
  softmax: alongDim,
  logSoftmax: alongDim,
  sort: z.strictObject({ dim: int, descending: z.boolean().default(false) }),
  topk: z.strictObject({ dim: int, largest: z.boolean().default(false) }),
  reshape: none,
  expand: none,
  permute: z.strictObject({ dims: ints }),
  unsqueeze: z.strictObject({ dims: ints }),
  squeeze: z.strictObject({ dims: ints.nullable().default(null) }),
  flatten: z.strictObject({ start: int, end: int }),
  split: z.strictObject({ sizes: ints.nullable().default(null), count: int, dim: int }),
  cat: alongDim,
  shape: none,
  numel: z.strictObject({ dims: ints.nullable().default(null) }),
  gather: alongDim,
  scatter: z.strictObject({ dim: int, reduce: z.literal('add').nullable().default(null) }),
  indexSelect: alongDim,
  getitem: index,
  setitem: index,
  detach: none,
  matmul: z.strictObject({ turned: z.literal(true).optional() }),
  einsum: z.strictObject({ equation: z.string() }),
  triu: triangle,
  tril: triangle,
  full: none,
};

const forward = int.nonnegative().default(0);

const address = {
  path: z.string(),
  port: z.literal(['output', 'input', 'parameter']),
  index: int.nonnegative(),
  call: int.nonnegative(),
};

const structureOps: Schemas<Exclude<Op, TensorOp>> = {
  operand: z.strictObject({ dtype: z.enum(DTYPES) }),
  read: z.strictObject({ ...address, forward }),
  write: z.strictObject({ ...address, forward, inplace: z.boolean(), lenient: z.boolean().default(false) }),
  call: z.strictObject({ ...address, forward }),
  forward: z.strictObject({ inputs: z.array(z.string()).readonly(), forward }),
  apply: z.strictObject({ guarded: z.boolean().default(false) }),
  backward: none,
  grad: z.strictObject({ unused: z.literal(['error', 'zeros', 'absent']).default('error') }),
  setgrad: none,
  if: none,
  loop: none,
};

/** The schemas of all attributes, by operation. */
export const schemas: Schemas<Op> = { ...tensorOps, ...structureOps };

export function isOp(name: string): name is Op {
  return Object.hasOwn(schemas, name);
}

export function isTensorOp(op: Op): op is TensorOp {
  return Object.hasOwn(tensorOps, op);
}
