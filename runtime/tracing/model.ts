import type { TensorType } from '../graph/types.ts';

/** A tensor of the model that a block can read or set: one output or input of one call of a module. */
export interface TapAddress {
  /** Dotted path of the module; the empty path is the model itself. */
  readonly path: string;
  readonly port: 'output' | 'input' | 'parameter';
  /** Which of the module's outputs or inputs. */
  readonly index: number;
  /** Which call of the module in this forward pass. */
  readonly call: number;
}

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
  resolve(address: TapAddress): Resolved;
}
