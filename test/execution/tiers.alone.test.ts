import { ReuseScope, save, tanh } from 'onnsight';
import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Engine } from '../../runtime/execution/engine.ts';
import { Tiers } from '../../runtime/partition/tiers.ts';
import { TOY } from '../support/fixtures.ts';
import { difference, type Engines, ids, names, newEngine, openEngines, runGraph } from './engines.ts';

/** Each look at the clock finds that so many milliseconds have passed: sessions cost next to nothing, or much. */
const clock = vi.hoisted(() => ({ tick: 10, time: 0 }));
vi.mock('../../runtime/clock.ts', () => ({
  now: () => {
    clock.time += clock.tick;
    return clock.time;
  },
}));

const ONE = ['the whole model'];
const TAPS = ['the model with taps (1 of 2)'];
const inputs = ids([1, 2, 3, 4, 5]);

let file: Engines;
let engine: Engine;
beforeAll(async () => {
  file = await openEngines(TOY);
});
beforeEach(() => {
  clock.tick = 10;
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

/** Runs a block on one prompt after another until it is one session, and tells which and after how many runs. */
async function untilOne(block: () => unknown): Promise<readonly [runs: number, names: readonly string[]]> {
  const graph = await file.model.graph(inputs, block);
  for (let i = 0; i < 1000; i++) {
    const { stats } = await runGraph(engine, graph, ids([1, 2, 3, 4, i % 100]));
    if (stats.dispatches.length === 1) return [i, names(stats)];
  }
  throw new Error('It never became one session.');
}

it('where sessions cost next to nothing a block has its own after a few runs, which gives the same, with other numbers and inputs too', async () => {
  const first = await run(scaled(0.5));
  expect(first.segmentation).toBe('auto');
  expect(names(first)).toContain('transformer.h.1');
  expect(await untilOne(scaled(0.5))).toEqual([7, ONE]);
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

describe('where sessions cost much, and memory has no room for those of single blocks', () => {
  beforeEach(() => {
    clock.tick = 50;
    const room = vi.spyOn(Tiers.prototype as unknown as { readonly hasRoom: boolean }, 'hasRoom', 'get');
    room.mockReturnValue(false);
    return () => room.mockRestore();
  });

  const last = () => {
    'use trace';
    file.model.transformer.h[2].output += 1;
    return save(file.model.transformer.h[3].output);
  };
  const computed = () => {
    'use trace';
    file.model.transformer.h[1].output = tanh(file.model.transformer.h[1].output);
    return save(file.model.transformer.h[3].output);
  };

  it('blocks that read and set the ends of layers share one with taps, new ones from their first run', async () => {
    const [runs, ran] = await untilOne(scaled(0.5));
    expect(runs).toBeGreaterThan(8);
    expect(ran).toEqual(TAPS);
    const other = await run(last, ids([9, 8], [7, 6]));
    expect([names(other), other.dispatches[0]!.built]).toEqual([TAPS, null]);
  });

  it('one that taps cannot do has its own when that pays', async () => {
    const [runs, ran] = await untilOne(computed);
    expect(runs).toBeGreaterThan(8);
    expect(ran).toEqual(ONE);
  });

  it('what computes on inputs that came before shares what is known of them instead', async () => {
    await untilOne(scaled(0.5));
    await run(last);
    const second = await run(last);
    expect(names(second).length).toBeGreaterThan(3);
    const third = await run(last);
    expect(third.dispatches.filter(({ action }) => action === 'reused').length).toBeGreaterThan(2);
  });
});
