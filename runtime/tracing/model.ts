import type { Address } from '../graph/ops.ts';
import type { TensorType } from '../graph/types.ts';
import { standsBehind } from '../own-proxies.ts';

/**
 * How a tensor's dimension 0 relates to the rows of the batch: it counts them, it counts something in them
 * (batch · sequence), or it is unrelated; `unknown` where the file does not tell.
 */
export type Batching = 'rows' | 'mixed' | 'none' | 'unknown';

/** The tensor at an address. */
export interface Resolved {
  /** The name by which two addresses are the same tensor. */
  readonly tensor: string;
  readonly type: TensorType;
  readonly batching: Batching;
}

/** What stands behind a module, a call of one, or an operation as users hold it. */
export abstract class UserModule {
  abstract readonly path: string;
}

/** Whether a value is a module of a model. Its properties are the model's, not the object's. */
export function isModule(value: unknown): value is object {
  return standsBehind(value) instanceof UserModule;
}

/** Where a module of a model is in it; null for other values. */
export function modulePath(value: unknown): string | null {
  const stands = standsBehind(value);
  return stands instanceof UserModule ? stands.path : null;
}

/** What tracing needs to know of a model: nothing of ONNX but names. */
export interface TracedModel {
  /** The tensor at an address, or a `TraceError`-worthy explanation thrown as an `OperationError`. */
  resolve(address: Address): Resolved;
}
