import type { DType } from './dtypes.ts';
import type { AttributesOf, Op, TensorOp } from './ops.ts';
import type { LazySite, Site } from './site.ts';

export { DTYPES, type DType } from './dtypes.ts';
export type { Site } from './site.ts';

/** One dimension: its size, or null where only the run will tell (a boolean mask, a loop that grows a tensor). */
export type Dim = number | null;
/** All dimensions, or null if not even their number is known before the run. */
export type Shape = readonly Dim[] | null;

/** What is known of a tensor before it exists. */
export interface TensorType {
  readonly dtype: DType;
  readonly shape: Shape;
  /**
   * The elements, where the tensor is a small integer operand (an index, a slice bound, a shape) given for this run.
   * It serves checks and shapes while the graph is built; it is not a part of what is compiled.
   */
  readonly constant?: readonly number[];
}

/** A tensor in the graph: output number `index` of `node`, or a parameter of a region (`node` is null). */
export interface Value {
  readonly id: number;
  readonly type: TensorType;
  readonly node: Node | null;
  readonly index: number;
}

/** A node of the intervention graph: an operation with its inputs. `regions` are the bodies of `if` (then, else) and `loop` (body). */
export type Node = { [O in Op]: NodeOf<O> }[Op];

/** A node that computes tensors from tensors. */
export type TensorNode = { [O in TensorOp]: NodeOf<O> }[TensorOp];

/** A node of a certain operation. */
export interface NodeOf<O extends Op> {
  readonly op: O;
  readonly inputs: readonly Value[];
  readonly attributes: AttributesOf<O>;
  readonly regions: readonly Region[];
  readonly outputs: Value[];
  /** Where in the user's source it was made; `siteOf` gives it. */
  readonly site: Site | LazySite | null;
}

/** A body: its own parameters, its nodes in order, and the values it yields. It may use any value of the regions around it. */
export interface Region {
  readonly parameters: Value[];
  readonly nodes: Node[];
  readonly results: Value[];
}
