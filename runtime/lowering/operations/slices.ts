import type { Item } from '../../graph/operations/items.ts';
import type { Emitter } from '../emitter.ts';
import { castTo } from './kernels.ts';
import type { Operand } from './operand.ts';
import { END, flatten, int, ints, sizesAlong } from './sizes.ts';

type SliceItem = Extract<Item<Operand>, { kind: 'slice' }>;

/** An index operand as int64 of one element. */
export function oneInt(emitter: Emitter, operand: Operand): string {
  return flatten(emitter, castTo(emitter, operand, 'int64'));
}

interface Bounds {
  readonly start: string;
  readonly stop: string;
  readonly step: string;
}

/** Takes all slices of an index in one node. */
export function applySlices(
  emitter: Emitter,
  x: string,
  slices: readonly { readonly item: SliceItem; readonly axis: number }[],
): string {
  if (slices.length === 0) return x;
  const bounds = slices.map(({ item, axis }) =>
    item.step === null ? forwardBounds(emitter, item) : steppedBounds(emitter, x, item, item.step, axis),
  );
  const joined = (key: keyof Bounds): string => {
    const parts = bounds.map((bound) => bound[key]);
    return parts.length === 1 ? parts[0]! : emitter.node('Concat', parts, { axis: { int: 0 } });
  };
  const axes = ints(
    emitter,
    slices.map(({ axis }) => axis),
  );
  return emitter.node('Slice', [x, joined('start'), joined('stop'), axes, joined('step')]);
}

/** ONNX clamps bounds as Python does. */
function forwardBounds(emitter: Emitter, item: SliceItem): Bounds {
  return {
    start: item.start ? oneInt(emitter, item.start) : ints(emitter, [0]),
    stop: item.stop ? oneInt(emitter, item.stop) : ints(emitter, [END]),
    step: ints(emitter, [1]),
  };
}

/** With a step, the sign of the step decides at run time where a missing bound lies. */
function steppedBounds(emitter: Emitter, x: string, item: SliceItem, stepOperand: Operand, axis: number): Bounds {
  const step = oneInt(emitter, stepOperand);
  const backward = emitter.node('Less', [step, int(emitter, 0)]);
  const missing = (forward: number, otherwise: number): string =>
    emitter.node('Where', [backward, ints(emitter, [otherwise]), ints(emitter, [forward])]);
  const stop = item.stop ? oneInt(emitter, item.stop) : missing(END, -END);
  if (!item.start) return { start: missing(0, END), stop, step };
  // Going backward from before the first element takes nothing, but ONNX would start at the first.
  const start = oneInt(emitter, item.start);
  const first = emitter.node('Neg', [sizesAlong(emitter, x, [axis])]);
  const nothing = emitter.node('And', [backward, emitter.node('Less', [start, first])]);
  return { start, stop: emitter.node('Where', [nothing, ints(emitter, [END]), stop]), step };
}
