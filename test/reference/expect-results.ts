import { expect } from 'vitest';
import { expectClose, expectEffect } from '../support/toy.ts';
import { expected } from './expected.ts';
import type { Values } from './interventions.ts';

/** Fails unless the results of the intervention called `name` are PyTorch's. */
export function expectResults(name: string, results: Readonly<Record<string, Values>>): void {
  expect(Object.keys(results).sort()).toEqual(Object.keys(expected[name]!).sort());
  for (const [key, values] of Object.entries(expected[name]!)) {
    expectClose(results[key]!, values, `${name}: ${key}`);
    // A layer norm takes a constant shift out again, so that side of the conditional alone moves nothing.
    if (['logits', 'throughView', 'taken_below'].includes(key)) expectEffect(values);
  }
}
