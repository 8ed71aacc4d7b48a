import type { Emitter } from '../emitter.ts';
import { addAtIndices } from './adding.ts';

/** Where every element of a tensor stands in the order of memory (int64, of its shape). */
export function positions(emit: Emitter, tensor: string): string {
  const range = emit.node('Range', [emit.int(0), emit.node('Size', [tensor]), emit.int(1)]);
  return emit.reshapeLike(range, tensor);
}

/** A tensor of the shape of `tensor` to which each element of a gradient is added at the position that `places` gives. */
export function addAt(emit: Emitter, tensor: string, places: string, gradient: string): string {
  const zeros = emit.zeros(emit.flow(emit.node('Size', [tensor]), 1), emit.dtype(tensor));
  const flat = [zeros, emit.flow(places, -1), emit.flow(gradient, -1)] as const;
  return emit.reshapeLike(addAtIndices(emit, 'ScatterElements', flat, { axis: { int: 0 } }), tensor);
}
