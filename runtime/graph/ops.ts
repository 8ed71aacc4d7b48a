import * as z from 'zod';
import { DTYPES } from './dtypes.ts';

/*
 * The language of the intervention graph: every operation with its attributes, which say all besides its inputs. They are
 * plain JSON and part of the structural key. A graph that came as data is checked against these schemas; the types of
 * attributes follow from them. Each operation on tensors needs a rule in `operations` (its types) and one in `lowerings`
 * (how it is written in ONNX): the compiler names those that are missing.
 */

const int = z.int();
const ints = z.array(int).readonly();

const none = z.strictObject({});
const alongDim = z.strictObject({ dim: int });
/** The dimensions that are reduced: null, or none, for all of them. */
const reduction = z.strictObject({ dims: ints.nullable().default(null), keepdim: z.boolean().default(false) });
/** Without a dimension: the position among all elements, counted through. */
const argReduction = z.strictObject({ dim: int.nullable().default(null), keepdim: z.boolean().default(false) });
const triangle = z.strictObject({ diagonal: int });

/** One item of an index; true stands for a bound that is given, as an operand. */
const item = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal(['int', 'index', 'mask', 'newaxis', 'ellipsis']) }),
  z.strictObject({
    kind: z.literal('slice'),
    start: z.boolean(),
    stop: z.boolean(),
    step: z.boolean(),
    /** How many elements it takes, where that is known although the dimension is not. */
    size: int.nullable().default(null),
  }),
]);
const index = z.strictObject({ items: z.array(item).readonly() });
/** An item as an attribute: its kind, and which operands it has. */
export type ItemForm = z.infer<typeof item>;

/** Operations on tensors, with PyTorch's names and meaning. */
const tensorOps = {
  // One element each, of one operand.
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
  /** `exact`: whole numbers that the dtype does not hold fail the run; else they wrap around, as in PyTorch. */
  cast: z.strictObject({ dtype: z.enum(DTYPES), exact: z.literal(true).optional() }),
  // One element each, of operands broadcast together.
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
  /** `signed`: the first branch may have -0, which ONNX Runtime's operator would make 0. */
  where: z.strictObject({ signed: z.boolean().default(true) }),
  // Many elements to one.
  sum: reduction,
  prod: reduction,
  mean: reduction,
  /** The Euclidean one. */
  norm: reduction,
  amax: reduction,
  amin: reduction,
  all: reduction,
  any: reduction,
  argmax: argReduction,
  argmin: argReduction,
  // Elements with those before or beside them.
  cumsum: alongDim,
  softmax: alongDim,
  logSoftmax: alongDim,
  sort: z.strictObject({ dim: int, descending: z.boolean().default(false) }),
  topk: z.strictObject({ dim: int, largest: z.boolean().default(false) }),
  // The same elements in another shape, and shapes as values. The second input of reshape and expand is the shape.
  reshape: none,
  expand: none,
  permute: z.strictObject({ dims: ints }),
  unsqueeze: z.strictObject({ dims: ints }),
  /** Without dims: all of size 1. */
  squeeze: z.strictObject({ dims: ints.nullable().default(null) }),
  flatten: z.strictObject({ start: int, end: int }),
  /** Without sizes: `count` equal parts. */
  split: z.strictObject({ sizes: ints.nullable().default(null), count: int, dim: int }),
  cat: alongDim,
  shape: none,
  /** Without dims: of all. */
  numel: z.strictObject({ dims: ints.nullable().default(null) }),
  // Elements by position. The operands of an index follow the tensor, in the order of its items.
  gather: alongDim,
  scatter: z.strictObject({ dim: int, reduce: z.literal('add').nullable().default(null) }),
  indexSelect: alongDim,
  getitem: index,
  setitem: index,
  /** The same tensor, through which no gradient flows. */
  detach: none,
  // Products of matrices.
  /** `turned`: the second one stands transposed, as PyTorch has the weight of a linear layer. */
  matmul: z.strictObject({ turned: z.literal(true).optional() }),
  einsum: z.strictObject({ equation: z.string() }),
  // Tensors made from a pattern.
  triu: triangle,
  tril: triangle,
  full: none,
};

/** Which forward of the graph a node belongs to. */
const forward = int.nonnegative().default(0);

const address = {
  /** Dotted path of the module; the empty path is the model itself. */
  path: z.string(),
  port: z.literal(['output', 'input', 'parameter']),
  /** Which of the module's outputs or inputs. */
  index: int.nonnegative(),
  /** Which call of the module in this forward. */
  call: int.nonnegative(),
};
const addressSchema = z.strictObject(address);
/** A tensor of the model that a block can read or set: one output or input of one call of a module, or a parameter. */
export type Address = Readonly<z.infer<typeof addressSchema>>;

/** Operations of the graph itself: data that goes in, access to the model, and control flow. */
const structureOps = {
  /** Data of this run: an input of the compiled graph. */
  operand: z.strictObject({ dtype: z.enum(DTYPES) }),
  /** A tensor of the model as the model computes it. */
  read: z.strictObject({ ...address, forward }),
  /**
   * Replaces a tensor of the model. `inplace`: for all readers, whereas an assignment to a module's input is for that
   * module alone. `lenient`: it may have no effect; the writes of edits are, since edits are part of every trace.
   */
  write: z.strictObject({ ...address, forward, inplace: z.boolean(), lenient: z.boolean().default(false) }),
  /** A module of the model run once more, on the node's inputs. */
  call: z.strictObject({ ...address, forward }),
  /** Opens the forward of another model, whose inputs of these names are the node's inputs. */
  forward: z.strictObject({ inputs: z.array(z.string()).readonly(), forward }),
  /** A function of the user on real tensors. `guarded`: its first input, which the function is not given, tells whether it is called. */
  apply: z.strictObject({ guarded: z.boolean().default(false) }),
  /**
   * Opens a backward pass from its first input, the loss; its second input, where there is one, is the gradient that comes
   * in there. What it gives stands for the pass.
   */
  backward: none,
  /** The gradient of a pass by a value. `unused`: what becomes of one that the loss does not depend on. */
  grad: z.strictObject({ unused: z.literal(['error', 'zeros', 'absent']).default('error') }),
  /** Replaces the gradient of a pass by a value: its third input flows further back. */
  setgrad: none,
  /** One of its two bodies runs: the first one if its input is true. */
  if: none,
  /** Its body runs again and again. Inputs: how often at most, whether to begin, and what is carried. */
  loop: none,
};

/** The schemas of all attributes, by operation. */
export const schemas = { ...tensorOps, ...structureOps };

/** An operation on tensors. */
export type TensorOp = keyof typeof tensorOps;
/** Any operation of the graph. */
export type Op = keyof typeof schemas;
/** The attributes of an operation. */
export type AttributesOf<O extends Op> = Readonly<z.infer<(typeof schemas)[O]>>;
/** An operation on tensors without attributes. */
export type PlainOp = { [O in TensorOp]: (typeof schemas)[O] extends typeof none ? O : never }[TensorOp];

/** How many bodies an operation has. */
export function bodyCount(op: Op): number {
  return op === 'if' ? 2 : op === 'loop' ? 1 : 0;
}

export function isOp(name: string): name is Op {
  return Object.hasOwn(schemas, name);
}

export function isTensorOp(op: Op): op is TensorOp {
  return Object.hasOwn(tensorOps, op);
}
