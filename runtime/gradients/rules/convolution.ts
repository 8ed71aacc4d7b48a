import type { Emitter } from '../emitter.ts';
import type { Application, Rule, Rules } from '../rule.ts';
import { moving, spread, type Window, windowOf } from './window.ts';

const swap = (rank: number) => [1, 0, ...Array.from({ length: rank }, (_, i) => i + 2)];

/**
 * The gradient by the weight [channels of `fine`, channels of `coarse` in a group, …kernel], where the window moves over
 * `coarse` and finds an element of `fine` in each place: a convolution in which channels and batch, and stride and
 * dilation, change places.
 */
function byWeight(emit: Emitter, coarse: string, fine: string, weight: string, window: Window, group: number): string {
  const rank = window.strides.length;
  const parts = group === 1 ? emit.transpose(coarse, swap(rank)) : grouped(emit, coarse, weight, rank, group);
  const moved = emit.node('Conv', [parts, emit.transpose(fine, swap(rank))], {
    strides: { ints: window.dilations },
    dilations: { ints: window.strides },
    pads: { ints: window.pads },
    group: { int: group },
  });
  // A stride may leave a rest of the input, in which the kernel would find more places.
  const axes = window.strides.map((_, i) => i + 2);
  const cut = emit.node('Slice', [moved, emit.ints(...axes.map(() => 0)), emit.sizes(weight, 2), emit.ints(...axes)]);
  return emit.sized(emit.transpose(cut, swap(rank)), weight);
}

/** [batch, groups · channels, …] as [channels, groups · batch, …]. */
function grouped(emit: Emitter, tensor: string, weight: string, rank: number, group: number): string {
  const [channels, places] = [emit.size(weight, 1), emit.sizes(tensor, 2)];
  const split = emit.reshape(tensor, emit.join(emit.size(tensor, 0), emit.ints(group), channels, places));
  const turned = emit.transpose(split, [2, 1, 0, ...Array.from({ length: rank }, (_, i) => i + 3)]);
  return emit.reshape(turned, emit.join(channels, emit.ints(-1), places));
}

function byBias(emit: Emitter, at: Application, { strides }: Window): string {
  return emit.sum(at.gradient, [0, ...strides.map((_, i) => i + 2)], false);
}

const convolution: Rule = (emit, at) => {
  const [x, weight] = at.inputs as [string, string];
  const window = windowOf(emit, at, weight);
  const group = at.int('group', 1);
  const by = [
    () => spread(emit, at.gradient, weight, x, window, group),
    () => byWeight(emit, x, at.gradient, weight, window, group),
    () => byBias(emit, at, window),
  ];
  return at.each((input, i) => emit.sized(by[i]!(), input));
};

const transposed: Rule = (emit, at) => {
  if (at.ints('output_shape')) throw at.refuse('its output_shape decides how it is padded');
  if (at.string('auto_pad', 'NOTSET').startsWith('SAME')) throw at.refuse('auto_pad decides how it is padded');
  const [x, weight] = at.inputs as [string, string];
  const window = windowOf(emit, at, weight);
  const group = at.int('group', 1);
  const by = [
    () => {
      const own = emit.node('Conv', [at.gradient, weight], { ...moving(window), group: { int: group } });
      if (!at.ints('output_padding')?.some((rows) => rows > 0)) return own;
      // Rows that output_padding added may make room for one more place.
      const axes = window.strides.map((_, i) => i + 2);
      return emit.node('Slice', [own, emit.ints(...axes.map(() => 0)), emit.sizes(x, 2), emit.ints(...axes)]);
    },
    () => byWeight(emit, at.gradient, x, weight, window, group),
    () => byBias(emit, at, window),
  ];
  return at.each((input, i) => emit.sized(by[i]!(), input));
};

/** Rules of convolutions. */
export const CONVOLUTION: Rules = { Conv: convolution, ConvTranspose: transposed };
