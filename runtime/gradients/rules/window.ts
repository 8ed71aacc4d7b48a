import type { Emitter } from '../emitter.ts';
import type { Application } from '../rule.ts';

/** How a convolution or a pool moves over its input, a number for each dimension of space. */
export interface Window {
  /** Null where only the run tells it. */
  readonly kernel: readonly number[] | null;
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Before each dimension, then behind each. */
  readonly pads: readonly number[];
}

/** @param weight a tensor with the size of the kernel, where the node does not give it */
export function windowOf(emit: Emitter, at: Application, weight: string): Window {
  const sizes = emit.dims(weight)?.slice(2);
  const told = sizes?.every((size) => typeof size === 'number') ? (sizes as readonly number[]) : null;
  const kernel = at.ints('kernel_shape') ?? told;
  const rank = kernel?.length ?? sizes?.length;
  if (rank === undefined) throw at.refuse('the size of its kernel is not known');
  const ones = Array<number>(rank).fill(1);
  const moves = { kernel, strides: at.ints('strides') ?? ones, dilations: at.ints('dilations') ?? ones };
  return { ...moves, pads: padsOf(emit, at, moves) };
}

function padsOf(
  emit: Emitter,
  at: Application,
  { kernel, strides, dilations }: Omit<Window, 'pads'>,
): readonly number[] {
  const mode = at.string('auto_pad', 'NOTSET');
  const none = [...strides, ...strides].map(() => 0);
  if (mode === 'NOTSET') return at.ints('pads') ?? none;
  if (mode === 'VALID') return none;
  if (!kernel) throw at.refuse(`auto_pad is ${mode} and the size of its kernel is not known`);
  const totals = kernel.map((size, i) => {
    const given = emit.dims(at.input(0))?.[2 + i];
    if (typeof given !== 'number') throw at.refuse(`auto_pad is ${mode} and the size of its input is not known`);
    const made = Math.ceil(given / strides[i]!);
    return Math.max(0, (made - 1) * strides[i]! + (size - 1) * dilations[i]! + 1 - given);
  });
  const small = totals.map((total) => Math.floor(total / 2));
  const large = totals.map((total) => Math.ceil(total / 2));
  return mode === 'SAME_UPPER' ? [...small, ...large] : [...large, ...small];
}

/** The window as attributes. */
export function moving({ kernel, strides, dilations, pads }: Window) {
  return {
    ...(kernel && { kernel_shape: { ints: kernel } }),
    strides: { ints: strides },
    dilations: { ints: dilations },
    pads: { ints: pads },
  };
}

/**
 * The sum over all windows of what each had a share in, in the sizes of space of `input`: a transposed convolution. Where
 * the last stride left a rest of the input out, this one gets zeros.
 */
export function spread(
  emit: Emitter,
  gradient: string,
  weight: string,
  input: string,
  window: Window,
  group: number,
): string {
  const rank = window.strides.length;
  const attributes = { ...moving(window), group: { int: group } };
  if (window.strides.every((stride) => stride === 1)) return emit.node('ConvTranspose', [gradient, weight], attributes);
  const none = Array<number>(rank).fill(0);
  const whole = emit.node('ConvTranspose', [gradient, weight], { ...attributes, pads: { ints: [...none, ...none] } });
  const before = window.pads.slice(0, rank);
  const cut = emit.ints(0, 0, ...before.map((size) => -size), 0, 0);
  const missing = emit.minus(emit.plus(emit.sizes(input, 2), emit.ints(...before)), emit.sizes(whole, 2));
  return emit.node('Pad', [whole, emit.join(cut, missing), emit.number(gradient, 0)]);
}
