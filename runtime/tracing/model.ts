import type { Address } from '../graph/ops.ts';
import type { TensorType } from '../graph/types.ts';

/**
 * How a tensor's dimension 0 relates to the rows of the batch: it counts them, it counts something in them
 * (batch · sequence), or it is unrelated.
 */
export type Batching = 'rows' | 'mixed' | 'none';

/** The tensor at an address. */
export interface Resolved {
  /** The name by which two addresses are the same tensor. */
  readonly tensor: string;
  readonly type: TensorType;
  readonly batching: Batching;
}

/** Marks a module as users hold it, and leads to the object behind it. A symbol, since every name may be that of a module. */
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
