import type { Attributes } from '../../onnx/make.ts';
import type { Emitter } from '../emitter.ts';

/**
 * Adds updates to a tensor at the places that indices name. Halves are added up as float32, which rounds once rather than
 * at each of them, and for which there is a kernel.
 */
export function addAtIndices(
  emit: Emitter,
  op: 'ScatterND' | 'ScatterElements',
  [into, indices, updates]: readonly [into: string, indices: string, updates: string],
  attributes: Attributes = {},
): string {
  const isHalf = emit.dtype(into) === 'float16';
  const wide = (tensor: string) => (isHalf ? emit.cast(tensor, 'float32') : tensor);
  const sum = emit.node(op, [wide(into), indices, wide(updates)], { ...attributes, reduction: { string: 'add' } });
  return isHalf ? emit.cast(sum, 'float16') : sum;
}
