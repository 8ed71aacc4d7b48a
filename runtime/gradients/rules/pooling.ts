import type { Emitter } from '../emitter.ts';
import type { Application, Rules } from '../rule.ts';
import { unary } from './elementwise.ts';
import { addAt } from './positions.ts';
import { shareOfMean } from './reductions.ts';
import { spread, type Window, windowOf } from './window.ts';

/** The positions of the elements that a MaxPool took, in the order of memory. */
function taken(emit: Emitter, at: Application): string {
  const isColumnMajor = at.int('storage_order', 0) === 1;
  if (at.outputs[1] && !isColumnMajor) return at.outputs[1];
  return emit.like(at.node, at.inputs, 2, ['storage_order'])[1]!;
}

const averagePool = unary((emit, x, _, g, at) => {
  if (at.int('ceil_mode', 0)) throw at.refuse('its ceil_mode has no derivative here');
  const kernel = at.ints('kernel_shape');
  if (!kernel) throw at.refuse('the size of its kernel is not known');
  const window = windowOf(emit, at, '');
  const size = kernel.reduce((a, b) => a * b, 1);
  const ones = emit.constant(emit.dtype(x), Array<number>(size).fill(1), [1, 1, ...kernel]);
  // Every channel is a picture of its own.
  const pictures = emit.reshape(g, emit.join(emit.ints(-1, 1), emit.sizes(g, 2)));
  const isWhole = at.int('count_include_pad', 0) === 1 || window.pads.every((amount) => amount === 0);
  const share = isWhole ? emit.scale(pictures, 1 / size) : emit.over(pictures, counts(emit, x, ones, window));
  return emit.reshapeLike(spread(emit, share, ones, x, window, 1), x);
});

/** How many elements each window has inside of the input. */
function counts(emit: Emitter, x: string, ones: string, { strides, dilations, pads }: Window): string {
  const picture = emit.node('Expand', [emit.number(x, 1), emit.join(emit.ints(1, 1), emit.sizes(x, 2))]);
  return emit.node('Conv', [picture, ones], {
    strides: { ints: strides },
    dilations: { ints: dilations },
    pads: { ints: pads },
  });
}

/** The axes behind batch and channels. */
function places(emit: Emitter, x: string): string {
  const rank = emit.rank(x);
  if (rank !== null) return emit.ints(...Array.from({ length: rank - 2 }, (_, i) => i + 2));
  return emit.node('Range', [emit.int(2), emit.node('Size', [emit.shape(x)]), emit.int(1)]);
}

/** Rules of pools. */
export const POOLING: Rules = {
  MaxPool: unary((emit, x, _, g, at) => addAt(emit, x, taken(emit, at), g)),
  AveragePool: averagePool,
  GlobalAveragePool: unary((emit, x, y, g) => emit.expandLike(shareOfMean(emit, x, y, g), x)),
  // Equal elements share the gradient, as in torch.amax.
  GlobalMaxPool: unary((emit, x, y, g) => {
    const isHit = emit.compare('Equal', x, y);
    const count = emit.node('ReduceSum', [emit.cast(isHit, emit.dtype(x)), places(emit, x)], { keepdims: { int: 1 } });
    return emit.masked(isHit, emit.over(g, count));
  }),
};
