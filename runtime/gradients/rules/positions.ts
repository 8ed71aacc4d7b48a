import type { Emitter } from '../emitter.ts';

/** Where every element of a tensor stands in the order of memory (int64, of its shape). */
export function positions(emit: Emitter, tensor: string): string {
  const range = emit.node('Range', [emit.int(0), emit.node('Size', [tensor]), emit.int(1)]);
  return emit.reshapeLike(range, tensor);
}

/** A tensor of the shape of `tensor` to which each element of a gradient is added at the position that `places` gives. */
export function addAt(emit: Emitter, tensor: string, places: string, gradient: string): string {
  const zeros = emit.zeros(emit.flow(emit.node('Size', [tensor]), 1), emit.dtype(tensor));
  const sum = emit.node('ScatterElements', [zeros, emit.flow(places, -1), emit.flow(gradient, -1)], {
    axis: { int: 0 },
    reduction: { string: 'add' },
  });
  return emit.reshapeLike(sum, tensor);
}
