import { expect, it } from 'vitest';
import { lowerings } from '../../runtime/lowering/operations/index.ts';
import { Builder, withBuilder } from '../../runtime/tracing/builder.ts';
import { compare } from './compare.ts';
import { Draw } from './draw.ts';
import { pairs, randomPrograms } from './pairs.ts';
import type { Operands, Program } from './program.ts';
import { steps } from './steps.ts';

const KINDS = ['sizes', 'ranks', 'constants'] satisfies Operands[];
const SEED = 1;
/** Every so many-th pair: `npm run fuzz:fusions` compares them all. */
const SHARE = 419;

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

it('every operation that is lowered stands in the programs', () => {
  const drawn = Object.values(steps).flatMap((step) =>
    [1, 2].flatMap((rank) => {
      const builder = new Builder();
      const draw = new Draw(rank);
      withBuilder(builder, () => step(draw.tensor(draw.dims(rank)), draw));
      return builder.graph.root.nodes.map(({ op }) => op as string);
    }),
  );
  expect(Object.keys(lowerings).filter((op) => !drawn.includes(op))).toEqual([]);
});
