import type { AttributesOf, TensorOp } from './ops.ts';
import type { TensorType } from './types.ts';

/** A wrong use of an operation. The code that adds the node to the graph turns it into an error at the user's line. */
export class OperationError extends Error {}

/** The types of an operation's outputs, or an `OperationError` in PyTorch's words. */
export interface Operation<O extends TensorOp> {
  infer(inputs: readonly TensorType[], attributes: AttributesOf<O>): readonly TensorType[];
}

/** A rule for each of some operations. */
export type Operations<O extends TensorOp> = { readonly [K in O]: Operation<K> };

/** A rule that the inputs alone decide. */
export interface InputsRule {
  infer(inputs: readonly TensorType[]): readonly TensorType[];
}
