import type { Emitter } from '../emitter.ts';
import { unary } from './elementwise.ts';

/** The mean over a window of channels, which has 0 beyond the first and the last. */
function windowMean(emit: Emitter, tensor: string, before: number, after: number): string {
  // The channels as the rows of a picture.
  const picture = emit.unsqueeze(emit.flow(tensor, 0, 0, -1), 1);
  const mean = emit.node('AveragePool', [picture], {
    kernel_shape: { ints: [before + 1 + after, 1] },
    pads: { ints: [before, 0, after, 0] },
    count_include_pad: { int: 1 },
  });
  return emit.reshapeLike(mean, tensor);
}

/** LRN: x over a power of `bias` and the mean of the squares in a window of channels. */
export const localResponse = unary((emit, x, y, g, at) => {
  const [alpha, beta] = [at.float('alpha', 1e-4), at.float('beta', 0.75)];
  const width = at.int('size', 1) - 1;
  const [before, after] = [Math.floor(width / 2), Math.ceil(width / 2)];
  const base = emit.shift(emit.scale(windowMean(emit, emit.square(x), before, after), alpha), at.float('bias', 1));
  const own = emit.times(g, emit.node('Pow', [base, emit.number(x, -beta)]));
  // An element stands in the windows of those whose window it has in its own, the other way round.
  const others = windowMean(emit, emit.sized(emit.over(emit.times(g, y), base), x), after, before);
  return emit.minus(own, emit.scale(emit.times(x, others), 2 * alpha * beta));
});
