import type { Emitter } from './emitter.ts';
import type { Dims } from './facts.ts';

/** Sums a gradient over the dimensions that `input` was broadcast along to get the shape of `output`. */
export function unbroadcast(emit: Emitter, gradient: string, input: string, output: string): string {
  const [from, to] = [emit.dims(input), emit.dims(output) ?? emit.dims(gradient)];
  if (from?.length === 0) return to?.length === 0 ? gradient : emit.sum(gradient, null, false);
  const axes = summed(from, to);
  if (axes) {
    const lead = to!.length - from!.length;
    const sum = emit.sum(gradient, axes);
    return lead > 0 ? emit.reshapeLike(sum, input) : emit.sized(sum, input);
  }
  if (from?.every((dim) => typeof dim === 'number' && dim > 1)) {
    // The sizes are constant: additional dimensions stand in front.
    const flat = emit.reshape(gradient, emit.ints(-1, ...(from as number[])));
    return emit.sized(emit.sum(flat, [0], false), input);
  }
  return sumAtRun(emit, gradient, input);
}

/** The axes to sum over; null where the sizes that are known do not tell. */
function summed(from: Dims, to: Dims): number[] | null {
  if (!from || !to) return null;
  const lead = to.length - from.length;
  const axes = Array.from({ length: lead }, (_, i) => i);
  for (const [i, dim] of from.entries()) {
    const made = to[lead + i];
    if (dim === 1 && made !== 1) axes.push(lead + i);
    else if (dim !== made) return null;
  }
  return axes;
}

/** The same where only the run tells the sizes. */
function sumAtRun(emit: Emitter, gradient: string, input: string): string {
  const [made, given] = [emit.shape(gradient), emit.shape(input)];
  const missing = emit.minus(emit.shape(made), emit.shape(given));
  const padded = emit.join(emit.node('Expand', [emit.ints(1), missing]), given);
  const isSummed = emit.node('And', [
    emit.compare('Equal', padded, 1),
    emit.node('Not', [emit.compare('Equal', made, 1)]),
  ]);
  const axes = emit.flow(emit.node('NonZero', [isSummed]), -1);
  const sum = emit.node('ReduceSum', [gradient, axes], { keepdims: { int: 1 }, noop_with_empty_axes: { int: 1 } });
  return emit.sized(emit.reshape(sum, given), input);
}
