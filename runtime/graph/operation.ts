import type { Attributes, TensorType } from './types.ts';

/** A wrong use of an operation. Whoever adds the node to the graph turns it into an error at the user's line. */
export class OperationError extends Error {}

/** What the graph knows of an operation: the types of its outputs, or an `OperationError` in PyTorch's words. */
export interface Operation {
  infer(inputs: readonly TensorType[], attributes: Attributes): readonly TensorType[];
}
