import type { TensorType } from '../../graph/types.ts';

/** An input of an operation: its name in the ONNX graph and what is known of it. */
export interface Operand {
  readonly name: string;
  readonly type: TensorType;
}

/** The number of dimensions, or null. */
export function rankOf(x: Operand): number | null {
  return x.type.shape?.length ?? null;
}
