import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { LanguageModel } from 'onnsight';
import { expect } from 'vitest';

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** The toy GPT-2 that is shipped with the package. */
export const TOY = path('../../models/toy-gpt2');

export const loadToy = () => LanguageModel.load(TOY, { device: 'cpu' });

/** A tensor as PyTorch computed it: all elements, or the first ones with the norm. */
export interface Expected {
  readonly dims: readonly number[];
  readonly data?: readonly number[];
  readonly first?: readonly number[];
  readonly norm?: number;
}

/** Interventions on the toy GPT-2 and their results, computed by PyTorch. */
export const reference = JSON.parse(readFileSync(path('../fixtures/toy-gpt2.json'), 'utf8'));

/** What a tensor has, also after it was carried as JSON. */
export interface Actual {
  readonly dims: readonly number[];
  readonly data: ArrayLike<unknown>;
}

/** Fails unless a tensor has the expected shape and, to 1e-4, the expected elements; `name` tells which one it is. */
export function expectClose(actual: Actual, expected: Expected, name?: string): void {
  expect(actual.dims, name).toEqual(expected.dims);
  const wanted = expected.data ?? expected.first!;
  const data = Array.from(actual.data, Number);
  expect(maxDifference(data.slice(0, wanted.length), wanted), name).toBeLessThan(1e-4);
  if (expected.norm !== undefined) {
    expect(Math.abs(Math.hypot(...data) - expected.norm), name).toBeLessThan(1e-3 * Math.max(1, expected.norm));
  }
}

/** Fails unless an intervention moved the reference by far more than the tolerance: else agreeing with it proves nothing. */
export function expectEffect(expected: Expected): void {
  const untouched = reference.cases.modules.logits_last as Expected;
  expect(maxDifference(expected.data!, untouched.data!)).toBeGreaterThan(0.01);
}

export function maxDifference(a: readonly number[], b: readonly number[]): number {
  return Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));
}
