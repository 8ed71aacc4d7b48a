import { expect, it } from 'vitest';
import { compare } from './compare.ts';
import { pairs, randomPrograms } from './pairs.ts';
import type { Operands, Program } from './program.ts';

const KINDS = ['sizes', 'ranks', 'constants'] satisfies Operands[];
const SEED = 1;
/** Every so many-th pair: `npm run fuzz:fusions` compares them all. */
const SHARE = 211;

/** Programs that ONNX Runtime 1.30 optimised wrongly before they were lowered otherwise. */
const once: readonly Program[] = [2, 3, 5, 8].flatMap((seed) =>
  ['transpose', 'permute'].flatMap((first) => [
    { before: null, steps: [first, 'matmul with a vector'], after: null, rank: 2, seed },
    { before: 'Transpose', steps: ['matmul with a vector'], after: null, rank: 2, seed },
  ]),
);

it.each(KINDS)('a transposed matrix times a vector is right at every level of optimisation (%s)', async (operands) => {
  const { run, faults } = await compare(once, operands);
  expect(run).toBe(once.length);
  expect(faults).toEqual([]);
});

/** Programs of which ONNX Runtime could make no session. */
const refused: readonly Program[] = ['topk', 'sort'].flatMap((first) =>
  [1, 2, 3, 4].map((seed) => ({
    before: null,
    steps: ['item', 'new axis', first, 'squeeze'],
    after: null,
    rank: 1,
    seed,
  })),
);

it.each(KINDS)('what is sorted is squeezed to a number (%s)', async (operands) => {
  const { run, faults } = await compare(refused, operands);
  expect(run).toBe(refused.length);
  expect(faults).toEqual([]);
});

it.each(KINDS)('a share of all pairs, and longer programs, give the same at every level (%s)', async (operands) => {
  const programs = [...pairs(SEED).filter((_, i) => i % SHARE === 0), ...randomPrograms(30, SEED)];
  const { run, faults } = await compare(programs, operands);
  expect(run).toBeGreaterThan(programs.length / 2);
  expect(faults).toEqual([]);
});
