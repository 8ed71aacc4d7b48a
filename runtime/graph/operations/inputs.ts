import { OperationError } from '../operation.ts';
import type { TensorType } from '../types.ts';

/** Input number `i`. A graph that came as data may have fewer than its operations need. */
export function input(inputs: readonly TensorType[], i: number): TensorType {
  const type = inputs[i];
  if (!type) throw new OperationError(`The operation needs more than ${inputs.length} inputs.`);
  return type;
}
