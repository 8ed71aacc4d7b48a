import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/*
 * PyTorch's results, and the distance of a result from them. Nothing here needs a test runner: a program that is taken to
 * another machine reads it, too.
 */

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** The toy GPT-2 that is shipped with the package. */
export const TOY = path('../../models/toy-gpt2');

/** A tensor as PyTorch computed it: all elements, or the first ones with the norm. */
export interface Expected {
  readonly dims: readonly number[];
  readonly data?: readonly number[];
  readonly first?: readonly number[];
  readonly norm?: number;
}

/** Interventions on the toy GPT-2 and their results, computed by PyTorch. */
export const reference = JSON.parse(readFileSync(path('../fixtures/toy-gpt2.json'), 'utf8'));

/** The fields of a tensor, also after it was carried as JSON. */
export interface Actual {
  readonly dims: readonly number[];
  readonly data: ArrayLike<unknown>;
}

/** A result beside the expected one. */
export interface Pair {
  readonly what: string;
  readonly actual: Actual;
  readonly expected: Expected;
}

export function maxDifference(a: readonly number[], b: readonly number[]): number {
  return Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));
}

/**
 * The difference between a tensor and PyTorch's, relative to the largest magnitude there, or to 1 if that is smaller: its elements,
 * and its norm if that is known. Infinity for another shape, an integer that differs or a NaN.
 */
export function distance({ dims, data }: Actual, expected: Expected): number {
  const wanted = expected.data ?? expected.first!;
  const numbers = Array.from(data, Number);
  const isAlike = dims.join() === expected.dims.join() && numbers.length >= wanted.length;
  if (!isAlike || numbers.some(Number.isNaN)) return Number.POSITIVE_INFINITY;
  const far = maxDifference(numbers.slice(0, wanted.length), wanted);
  if (typeof data[0] === 'bigint') return far === 0 ? 0 : Number.POSITIVE_INFINITY;
  const elements = far / Math.max(1, ...wanted.map(Math.abs));
  if (expected.norm === undefined) return elements;
  return Math.max(elements, Math.abs(Math.hypot(...numbers) - expected.norm) / Math.max(1, expected.norm));
}
