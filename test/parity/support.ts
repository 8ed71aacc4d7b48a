import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { NNsight, type Tensor } from 'onnsight';
import { expect } from 'vitest';
import { type Actual, type Expected, expectClose, maxDifference, reference } from '../support/toy.ts';

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** Interventions on several prompts, passes and steps, as PyTorch's hooks do them (test/tools/parity_fixtures.py). */
export const parity = JSON.parse(readFileSync(path('../fixtures/parity.json'), 'utf8'));

export const { clean, corrupt, fact } = reference.prompts as Record<'clean' | 'corrupt' | 'fact', string>;
/** Shorter than `fact`. */
export const france = reference.prompts.others[0] as string;
/** Three prompts of different lengths. */
export const prompts = [fact, ...(reference.prompts.others as string[])];

export const loadSmall = (name: string) => NNsight.load(path(`../fixtures/${name}.onnx`), { device: 'cpu' });

/** Rows of numbers out of a tensor of the fixture. */
export function rows({ dims, data }: Expected): number[][] {
  const [count, size] = dims as [number, number];
  return Array.from({ length: count }, (_, i) => data!.slice(i * size, (i + 1) * size));
}

export function difference(a: Actual, b: Actual): number {
  return maxDifference(Array.from(a.data, Number), Array.from(b.data, Number));
}

/** Fails unless the logits of every step are PyTorch's: [steps, rows, vocabulary]. */
export function expectSteps(logits: readonly Tensor[], { dims, data }: { dims: number[]; data: number[] }): void {
  expect(logits).toHaveLength(dims[0]!);
  const size = dims[1]! * dims[2]!;
  for (const [i, step] of logits.entries()) {
    expectClose(step, { dims: dims.slice(1), data: data.slice(i * size, (i + 1) * size) }, `step ${i}`);
  }
}
