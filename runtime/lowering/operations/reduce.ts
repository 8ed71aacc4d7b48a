import type { Emitter } from '../emitter.ts';
import { ints } from './sizes.ts';

/** The operator set from which a reduction takes its axes as an input. */
function axesAreInput(op: string, opset: number): boolean {
  return opset >= (op === 'ReduceSum' ? 13 : 18);
}

/** One of ONNX's reductions over some dimensions, or over all where `dims` is null. */
export function reduce(
  emitter: Emitter,
  op: string,
  x: string,
  dims: readonly number[] | null,
  keepdim: boolean,
): string {
  const keepdims = { keepdims: { int: keepdim ? 1 : 0 } };
  if (dims === null) return emitter.node(op, [x], keepdims);
  if (axesAreInput(op, emitter.opset)) return emitter.node(op, [x, ints(emitter, dims)], keepdims);
  return emitter.node(op, [x], { ...keepdims, axes: { ints: dims } });
}
