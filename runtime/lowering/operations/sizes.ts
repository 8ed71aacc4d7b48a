import type { Emitter } from '../emitter.ts';

/** Beyond every dimension: what a slice without a stop stops at. */
export const END = Number.MAX_SAFE_INTEGER;

/** A constant list: int64 of one dimension. */
export function ints(emitter: Emitter, elements: readonly number[]): string {
  return emitter.constant('int64', elements, [elements.length]);
}

/** A constant int64 without dimensions. */
export function int(emitter: Emitter, element: number): string {
  return emitter.constant('int64', [element]);
}

export function shapeOf(emitter: Emitter, x: string): string {
  return emitter.node('Shape', [x]);
}

/** The sizes of some dimensions of `x`: int64 of one dimension. Negative ones count from the end. */
export function sizesAlong(emitter: Emitter, x: string, dims: readonly number[]): string {
  return emitter.node('Gather', [shapeOf(emitter, x), ints(emitter, dims)]);
}

/** The shape of `x` with one dimension replaced by `size`, an int64 of one element. */
export function shapeWith(emitter: Emitter, x: string, dim: number, size: string): string {
  return emitter.node('ScatterElements', [shapeOf(emitter, x), ints(emitter, [dim]), size]);
}

/** `Reshape` in which 0 is a size. Before operator set 14 a 0 could only mean "as in the input". */
export function reshape(emitter: Emitter, x: string, shape: string): string {
  if (emitter.opset >= 14) return emitter.node('Reshape', [x, shape], { allowzero: { int: 1 } });
  return emitter.node('Reshape', [columnOf(emitter, x, shapeOf(emitter, shape)), shape]);
}

/**
 * All elements along the first dimension, and after it `rank` (int64 of one element) dimensions of size 1. If there are
 * no elements all are of size 0, so that a 0 in a shape finds a 0 to copy.
 */
function columnOf(emitter: Emitter, x: string, rank: string): string {
  const ones = emitter.node('Expand', [int(emitter, 1), rank]);
  const shape = emitter.node('Concat', [ints(emitter, [-1]), ones], { axis: { int: 0 } });
  const any = emitter.node('Min', [emitter.node('Size', [x]), int(emitter, 1)]);
  return emitter.node('Expand', [emitter.node('Reshape', [x, shape]), emitter.node('Expand', [any, rank])]);
}

/** All elements in one dimension. */
export function flatten(emitter: Emitter, x: string): string {
  return emitter.node('Reshape', [x, ints(emitter, [-1])]);
}

/** One element as a tensor without dimensions. */
export function toScalar(emitter: Emitter, x: string): string {
  return emitter.node('Reshape', [x, ints(emitter, [])]);
}

export function unsqueeze(emitter: Emitter, x: string, dims: readonly number[]): string {
  return dims.length === 0 ? x : emitter.node('Unsqueeze', [x, ints(emitter, dims)]);
}

/** The whole numbers from 0 to `count`, an int64 without dimensions. */
export function range(emitter: Emitter, count: string): string {
  return emitter.node('Range', [int(emitter, 0), count, int(emitter, 1)]);
}

/** The part of `x` from `start` to `stop` (int64 of one element) along a dimension. */
export function slice(emitter: Emitter, x: string, start: string, stop: string, dim: number): string {
  return emitter.node('Slice', [x, start, stop, ints(emitter, [dim])]);
}

/** `Transpose`, left out where it would change nothing. */
export function transpose(emitter: Emitter, x: string, order: readonly number[]): string {
  if (order.every((dim, i) => dim === i)) return x;
  return emitter.node('Transpose', [x], { perm: { ints: order } });
}
