import type { DType } from '../../graph/types.ts';
import type { OnnxAttribute } from '../../onnx/make.ts';
import type { Emitter } from '../emitter.ts';
import type { Operand } from './operand.ts';

/** The element types that ONNX Runtime computes with nearly everywhere, from operator set 13 on. */
export const COMMON: readonly DType[] = ['float16', 'float32', 'float64', 'int32', 'int64'];
/** Comparisons and extrema order uint64 natively; in int64 its upper half would be negative. */
export const ORDERED: readonly DType[] = [...COMMON, 'uint64'];

const WIDER: Readonly<Record<DType, DType>> = {
  float16: 'float32',
  float32: 'float32',
  float64: 'float32',
  int8: 'int32',
  int16: 'int32',
  int32: 'int32',
  int64: 'int64',
  uint8: 'int32',
  uint16: 'int32',
  uint32: 'int64',
  uint64: 'int64',
  bool: 'int32',
};

/** The element type to compute in: the tensor's own where a kernel has it, else one that holds its values. */
export function kernelType(dtype: DType, kernels: readonly DType[] = COMMON): DType {
  return kernels.includes(dtype) ? dtype : WIDER[dtype];
}

/**
 * One ONNX node on operands of one element type, computed in a type that has a kernel and converted back. Whole numbers
 * wrap around on the way back, as they would have in their own type.
 */
export function compute(
  emitter: Emitter,
  op: string,
  inputs: readonly string[],
  dtype: DType,
  kernels: readonly DType[] = COMMON,
  attributes: Readonly<Record<string, OnnxAttribute>> = {},
): string {
  const type = kernelType(dtype, kernels);
  const widened = inputs.map((name) => emitter.cast(name, dtype, type));
  return emitter.cast(emitter.node(op, widened, attributes), type, dtype);
}

/** An operand in another element type. */
export function castTo(emitter: Emitter, x: Operand, dtype: DType): string {
  return emitter.cast(x.name, x.type.dtype, dtype);
}

/** `Where` with branches of one element type. ONNX Runtime may give 0 for -0: `selectSigned` does not. */
export function select(emitter: Emitter, condition: string, a: string, b: string, dtype: DType): string {
  const type = kernelType(dtype);
  const [then, otherwise] = [emitter.cast(a, dtype, type), emitter.cast(b, dtype, type)];
  return emitter.cast(emitter.node('Where', [condition, then, otherwise]), type, dtype);
}
