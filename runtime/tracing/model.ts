import type { Address } from '../graph/ops.ts';
import type { TensorType } from '../graph/types.ts';

/**
 * How a tensor's dimension 0 and the rows of the batch go together: it counts them, it counts something of theirs
 * (batch · sequence), or it has nothing to do with them.
 */
export type Batching = 'rows' | 'mixed' | 'none';

/** Where an address leads. */
export interface Resolved {
  /** The name by which two addresses are the same tensor. */
  readonly tensor: string;
  readonly type: TensorType;
  readonly batching: Batching;
}

/** What tracing needs to know of a model: nothing of ONNX but names. */
export interface TracedModel {
  /** The tensor at an address, or a `TraceError`-worthy explanation thrown as an `OperationError`. */
  resolve(address: Address): Resolved;
}
