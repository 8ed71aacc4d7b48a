import { ReuseScope, save } from 'onnsight';
import { beforeAll, beforeEach, expect, it } from 'vitest';
import type { Engine } from '../../runtime/execution/engine.ts';
import { TOY } from '../support/fixtures.ts';
import { difference, type Engines, ids, names, newEngine, openEngines, runGraph } from './engines.ts';

const ONE = ['the whole model'];
const inputs = ids([1, 2, 3, 4, 5]);

let file: Engines;
let engine: Engine;
beforeAll(async () => {
  file = await openEngines(TOY);
});
beforeEach(() => {
  engine = newEngine(file.map, 'auto');
});

const scaled = (factor: number) => () => {
  'use trace';
  file.model.transformer.h[1].output *= factor;
  return save(file.model.transformer.h[3].output);
};

async function run(block: () => unknown, given = inputs, reuse?: ReuseScope) {
  const graph = await file.model.graph(given, block);
  const ran = await runGraph(engine, graph, given, { reuse });
  const whole = await runGraph(file.engine('off'), graph, given);
  expect(difference(ran.tensors, whole.tensors)).toBeLessThan(1e-5);
  return ran.stats;
}

/** Runs a block on one prompt after another until it is one session. */
async function untilOne(block: () => unknown): Promise<number> {
  const graph = await file.model.graph(inputs, block);
  for (let i = 0; i < 20_000; i++) {
    const { stats } = await runGraph(engine, graph, ids([1, 2, 3, 4, i % 100]));
    if (stats.dispatches.length === 1) return i;
  }
  throw new Error('It never became one session.');
}

it('a block that comes often becomes one session, which gives the same, with other numbers and inputs too', async () => {
  const first = await run(scaled(0.5));
  expect(first.segmentation).toBe('auto');
  expect(names(first)).toContain('transformer.h.1');
  expect(await untilOne(scaled(0.5))).toBeGreaterThan(2);
  expect(names(await run(scaled(0.5)))).toEqual(ONE);
  const other = await run(scaled(-3), ids([9, 8], [7, 6]));
  expect([names(other), other.dispatches[0]!.built]).toEqual([ONE, null]);
});

it('others go on in segments, and what shares its runs in a scope does too', async () => {
  await untilOne(scaled(0.5));
  const read = () => {
    'use trace';
    return save(file.model.transformer.h[3].output);
  };
  expect(names(await run(read)).length).toBeGreaterThan(3);
  expect(names(await run(scaled(2), inputs, new ReuseScope())).length).toBeGreaterThan(3);
});
