import { LanguageModel } from 'onnsight';
import { expect } from 'vitest';
import { type Actual, type Expected, maxDifference, reference, TOY } from './pytorch.ts';

export { type Actual, type Expected, maxDifference, reference, TOY };

export const loadToy = () => LanguageModel.load(TOY, { device: 'cpu' });

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
