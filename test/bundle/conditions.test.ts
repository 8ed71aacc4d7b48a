import { intervention, type LanguageModel, save, type Tensor } from 'onnsight';
import { loadBundle } from 'onnsight/bundle';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadToy } from '../support/toy.ts';
import { compileTo, runBare } from './support/build.ts';

/** How often what a mask selects has to be halved: of none or several elements PyTorch raises, and a run must not crash. */
const loop = intervention({ limit: 'float32' }, (model: LanguageModel, { limit }) => {
  const last = model.transformer.h[0].output['0, -1'];
  let chosen = last[last.gt(limit)];
  let found = 0;
  while (chosen > 0.01) {
    chosen = chosen * 0.5;
    found += 1;
  }
  return { found: save(found) };
});

const branch = intervention({ limit: 'float32' }, (model: LanguageModel, { limit }) => {
  const last = model.transformer.h[0].output['0, -1'];
  let found = 1;
  if (last[last.gt(limit)] > 0.01) found = 2;
  return { found: save(found) };
});

const input_ids = [[1, 5, 9, 2]];
let sorted: number[];
beforeAll(async () => {
  const lm = await loadToy();
  const last: Tensor = await lm.trace({ input_ids }, () => save(lm.transformer.h[0].output['0, -1']));
  sorted = Array.from(last.data).sort((a, b) => b - a);
});

function halvings(value: number): number {
  let count = 0;
  for (let left = value; left > 0.01; left = Math.fround(left * 0.5)) count++;
  return count;
}

describe.each([
  ['a loop', loop, halvings],
  ['a branch', branch, (value: number) => (value > 0.01 ? 2 : 1)],
] as const)('the condition of %s in a bundle has one element, or the run fails', (_, made, expected) => {
  let folder: string;
  beforeAll(async () => {
    folder = await compileTo(made);
  });

  it.each<[string, (limit: number) => Promise<unknown>]>([
    ['in its loader', async (limit) => (await loadBundle(folder))({ input_ids, limit })],
    ['in any other host', (limit) => runBare(folder, { input_ids, limit })],
  ])('%s', async (_, run) => {
    for (const limit of [sorted[0]! + 1, sorted[5]!]) await expect(run(limit)).rejects.toThrow();
    const { found } = (await run((sorted[0]! + sorted[1]!) / 2)) as { found: Tensor };
    expect(Number(found.data[0])).toBe(expected(sorted[0]!));
  });
});
