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

type Slice = { readonly item: SliceItem; readonly axis: number };

/** Takes all slices of an index: those without a step in one node, the others one by one. */
export function applySlices(emitter: Emitter, x: string, slices: readonly Slice[]): string {
  const forward = slices.filter(({ item }) => item.step === null);
  let result = forward.length > 0 ? applyForward(emitter, x, forward) : x;
  for (const { item, axis } of slices) if (item.step) result = applyStepped(emitter, result, item, item.step, axis);
  return result;
}

function applyForward(emitter: Emitter, x: string, slices: readonly Slice[]): string {
  const bounds = slices.map(({ item }) => forwardBounds(emitter, item));
  const joined = (key: keyof (typeof bounds)[number]): string => {
    const parts = bounds.map((bound) => bound[key]);
    return parts.length === 1 ? parts[0]! : emitter.node('Concat', parts, { axis: { int: 0 } });
  };
  const axes = ints(
    emitter,
    slices.map(({ axis }) => axis),
  );
  return emitter.node('Slice', [x, joined('start'), joined('stop'), axes]);
}

/**
 * Slices the positions and gathers what they name. On WebGPU, ONNX Runtime's Slice of floats begins at the last element
 * whenever the step is negative; positions, being whole numbers, are sliced on the CPU.
 */
function applyStepped(emitter: Emitter, x: string, item: SliceItem, step: Operand, axis: number): string {
  const size = sizesAlong(emitter, x, [axis]);
  const { start, stop, step: by } = steppedBounds(emitter, size, item, step);
  const all = emitter.node('Range', [int(emitter, 0), emitter.node('Squeeze', [size]), int(emitter, 1)]);
  const positions = emitter.node('Slice', [all, start, stop, ints(emitter, [0]), by]);
  return emitter.node('Gather', [x, positions], { axis: { int: axis } });
}

/** ONNX clamps bounds as Python does. */
function forwardBounds(emitter: Emitter, item: SliceItem) {
  return {
    start: item.start ? oneInt(emitter, item.start) : ints(emitter, [0]),
    stop: item.stop ? oneInt(emitter, item.stop) : ints(emitter, [END]),
  };
}

/** With a step, the sign of the step decides at run time where a missing bound lies. */
function steppedBounds(emitter: Emitter, size: string, item: SliceItem, stepOperand: Operand) {
  const step = oneInt(emitter, stepOperand);
  const backward = emitter.node('Less', [step, int(emitter, 0)]);
  const missing = (forward: number, otherwise: number): string =>
    emitter.node('Where', [backward, ints(emitter, [otherwise]), ints(emitter, [forward])]);
  const stop = item.stop ? oneInt(emitter, item.stop) : missing(END, -END);
  if (!item.start) return { start: missing(0, END), stop, step };
  // Going backward from before the first element takes nothing, but ONNX would start at the first.
  const start = oneInt(emitter, item.start);
  const first = emitter.node('Neg', [size]);
  const nothing = emitter.node('And', [backward, emitter.node('Less', [start, first])]);
  return { start, stop: emitter.node('Where', [nothing, ints(emitter, [END]), stop]), step };
}
