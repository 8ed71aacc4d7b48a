import type { DType } from './dtypes.ts';

/*
 * The language of the intervention graph: every operation with its attributes, which say all besides its inputs. They are
 * plain JSON and part of the structural key. A graph that came as data is checked against the schemas of `op-schemas.ts`,
 * which the compiler compares with these types. Each operation on tensors needs a rule in `operations` (its types) and one
 * in `lowerings` (how it is written in ONNX): the compiler names those that are missing.
 */

type None = Readonly<Record<string, never>>;
type AlongDim = { readonly dim: number };
/** The dimensions that are reduced: null, or none, for all of them. */
type Reduction = { readonly dims: readonly number[] | null; readonly keepdim: boolean };
/** Without a dimension: the position among all elements, counted through. */
type ArgReduction = { readonly dim: number | null; readonly keepdim: boolean };
type Triangle = { readonly diagonal: number };

/** An item of an index as an attribute: its kind, and which operands it has. True stands for a bound that is given, as an operand. */
export type ItemForm =
  | { readonly kind: 'int' | 'index' | 'mask' | 'newaxis' | 'ellipsis' }
  | {
      readonly kind: 'slice';
      readonly start: boolean;
      readonly stop: boolean;
      readonly step: boolean;
      /** How many elements it takes, where that is known although the dimension is not. */
      readonly size: number | null;
    };
type Index = { readonly items: readonly ItemForm[] };

/** A tensor of the model that a block can read or set: one output or input of one call of a module, or a parameter. */
export type Address = {
  /** Dotted path of the module; the empty path is the model itself. */
  readonly path: string;
  readonly port: 'output' | 'input' | 'parameter';
  /** Which of the module's outputs or inputs. */
  readonly index: number;
  /** Which call of the module in this forward. */
  readonly call: number;
};
/** Which forward of the graph a node belongs to. */
type InForward = { readonly forward: number };

/** Operations on tensors, with PyTorch's names and meaning. */
interface TensorOps {
  // One element each, of one operand.
  neg: None;
  abs: None;
  sqrt: None;
  exp: None;
  log: None;
  sin: None;
  cos: None;
  tan: None;
  tanh: None;
  sigmoid: None;
  erf: None;
  reciprocal: None;
  relu: None;
  floor: None;
  ceil: None;
  round: None;
  sign: None;
  isnan: None;
  logicalNot: None;
  bitwiseNot: None;
  gelu: { readonly approximate: 'none' | 'tanh' };
  /** `exact`: whole numbers that the dtype does not hold fail the run; else they wrap around, as in PyTorch. */
  cast: { readonly dtype: DType; readonly exact?: true | undefined };
  // One element each, of operands broadcast together.
  add: None;
  sub: None;
  mul: None;
  div: None;
  remainder: None;
  pow: None;
  minimum: None;
  maximum: None;
  eq: None;
  ne: None;
  lt: None;
  le: None;
  gt: None;
  ge: None;
  logicalAnd: None;
  logicalOr: None;
  bitwiseAnd: None;
  bitwiseOr: None;
  bitwiseXor: None;
  /** `signed`: the first branch may have -0, which ONNX Runtime's operator would make 0. */
  where: { readonly signed: boolean };
  // Many elements to one.
  sum: Reduction;
  prod: Reduction;
  mean: Reduction;
  /** The Euclidean one. */
  norm: Reduction;
  amax: Reduction;
  amin: Reduction;
  all: Reduction;
  any: Reduction;
  argmax: ArgReduction;
  argmin: ArgReduction;
  // Elements with those before or beside them.
  cumsum: AlongDim;
  softmax: AlongDim;
  logSoftmax: AlongDim;
  sort: { readonly dim: number; readonly descending: boolean };
  topk: { readonly dim: number; readonly largest: boolean };
  // The same elements in another shape, and shapes as values. The second input of reshape and expand is the shape.
  reshape: None;
  expand: None;
  permute: { readonly dims: readonly number[] };
  unsqueeze: { readonly dims: readonly number[] };
  /** Without dims: all of size 1. */
  squeeze: { readonly dims: readonly number[] | null };
  flatten: { readonly start: number; readonly end: number };
  /** Without sizes: `count` equal parts. */
  split: { readonly sizes: readonly number[] | null; readonly count: number; readonly dim: number };
  cat: AlongDim;
  shape: None;
  /** Without dims: of all. */
  numel: { readonly dims: readonly number[] | null };
  // Elements by position. The operands of an index follow the tensor, in the order of its items.
  gather: AlongDim;
  scatter: { readonly dim: number; readonly reduce: 'add' | null };
  indexSelect: AlongDim;
  getitem: Index;
  setitem: Index;
  /** The same tensor, through which no gradient flows. */
  detach: None;
  // Products of matrices.
  /** `turned`: the second one stands transposed, as PyTorch has the weight of a linear layer. */
  matmul: { readonly turned?: true | undefined };
  einsum: { readonly equation: string };
  // Tensors made from a pattern.
  triu: Triangle;
  tril: Triangle;
  full: None;
}

/** Operations of the graph itself: data that goes in, access to the model, and control flow. */
interface StructureOps {
  /** Data of this run: an input of the compiled graph. */
  operand: { readonly dtype: DType };
  /** A tensor of the model as the model computes it. */
  read: InForward & Address;
  /**
   * Replaces a tensor of the model. `inplace`: for all readers, whereas an assignment to a module's input is for that
   * module alone. `lenient`: it may have no effect; the writes of edits are, since edits are part of every trace.
   */
  write: InForward & Address & { readonly inplace: boolean; readonly lenient: boolean };
  /** A module of the model run once more, on the node's inputs. */
  call: InForward & Address;
  /** Opens the forward of another model, whose inputs of these names are the node's inputs. */
  forward: InForward & { readonly inputs: readonly string[] };
  /** A function of the user on real tensors. `guarded`: its first input, which the function is not given, tells whether it is called. */
  apply: { readonly guarded: boolean };
  /**
   * Opens a backward pass from its first input, the loss; its second input, where there is one, is the gradient that comes
   * in there. What it gives stands for the pass.
   */
  backward: None;
  /** The gradient of a pass by a value. `unused`: what becomes of one that the loss does not depend on. */
  grad: { readonly unused: 'error' | 'zeros' | 'absent' };
  /** Replaces the gradient of a pass by a value: its third input flows further back. */
  setgrad: None;
  /** One of its two bodies runs: the first one if its input is true. */
  if: None;
  /** Its body runs again and again. Inputs: how often at most, whether to begin, and what is carried. */
  loop: None;
}

/** All operations, with their attributes. */
interface Ops extends TensorOps, StructureOps {}

/** An operation on tensors. */
export type TensorOp = keyof TensorOps;
/** Any operation of the graph. */
export type Op = keyof Ops;
/** The attributes of an operation. */
export type AttributesOf<O extends Op> = Ops[O];
/** An operation on tensors without attributes. */
export type PlainOp = { [O in TensorOp]: Ops[O] extends None ? O : never }[TensorOp];

/** How many bodies an operation has. */
export function bodyCount(op: Op): number {
  return op === 'if' ? 2 : op === 'loop' ? 1 : 0;
}
