import type { AttributesOf, TensorOp } from '../graph/ops.ts';
import type { DType, TensorType } from '../graph/types.ts';
import type { OnnxAttribute } from '../onnx/make.ts';

/** Adds ONNX nodes to the graph being written. Tensors are names. */
export interface Emitter {
  /** The version of the default operator set that the model imports (13 or later). */
  readonly opset: number;
  /** Adds a node and returns the name of its first output. An empty name in `inputs` leaves an optional input out. */
  node(op: string, inputs: readonly string[], attributes?: Readonly<Record<string, OnnxAttribute>>): string;
  /** The same for a node with several outputs. */
  nodes(
    op: string,
    inputs: readonly string[],
    count: number,
    attributes?: Readonly<Record<string, OnnxAttribute>>,
  ): string[];
  /** A node that fails where something is not as it must be: `check` tells what, in the message of the run. */
  checking(
    check: string,
    op: string,
    inputs: readonly string[],
    attributes?: Readonly<Record<string, OnnxAttribute>>,
  ): string;
  /** The same tensor under another name, through which no gradient flows. */
  detach(name: string): string;
  /** A constant tensor; without `dims` a scalar. Equal constants are shared. */
  constant(dtype: DType, data: readonly number[], dims?: readonly number[]): string;
  /** A conversion, or the name itself where `from` is `to`. */
  cast(name: string, from: DType, to: DType): string;
}

/** Writes an operation of the intervention graph as ONNX nodes and returns the names of its outputs. */
export type Lower<O extends TensorOp> = (
  emitter: Emitter,
  inputs: readonly { readonly name: string; readonly type: TensorType }[],
  attributes: AttributesOf<O>,
  outputs: readonly TensorType[],
) => readonly string[];

/** A rule for each of some operations. */
export type Lowerings<O extends TensorOp> = { readonly [K in O]: Lower<K> };

/** A rule that has no use for attributes. */
export type LowerPlain = (
  emitter: Emitter,
  inputs: readonly { readonly name: string; readonly type: TensorType }[],
  attributes: unknown,
  outputs: readonly TensorType[],
) => readonly string[];
