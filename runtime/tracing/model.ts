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

/** By this property a module is known, as users hold it: it leads to what stands behind. No name of a module is in its way. */
export const MODULE = Symbol('module');

/** Whether a value is a module of a model. Its properties are the model's, not the object's. */
export function isModule(value: unknown): value is { readonly [MODULE]: unknown } {
  return typeof value === 'function' && MODULE in value;
}

/** What tracing needs to know of a model: nothing of ONNX but names. */
export interface TracedModel {
  /** The tensor at an address, or a `TraceError`-worthy explanation thrown as an `OperationError`. */
  resolve(address: Address): Resolved;
}
