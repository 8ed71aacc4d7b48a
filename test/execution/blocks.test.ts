import { ReuseScope, save } from 'onnsight';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Engine } from '../../runtime/execution/engine.ts';
import { BLOCKS } from '../../runtime/partition/block-sessions.ts';
import { TOY } from '../support/fixtures.ts';
import { built, difference, type Engines, ids, names, newEngine, openEngines, runGraph } from './engines.ts';

const BODY = 'the model (1 of 2)';
const END = 'the model (2 of 2)';
const ONE = 'the whole model';

let file: Engines;
let engine: Engine;
const inputs = ids([1, 2, 3, 4, 5]);

beforeAll(async () => {
  file = await openEngines(TOY);
});
beforeEach(() => {
  engine = newEngine(file.map, 'blocks');
});

/** Runs a block, and fails unless it gives what the model gives that runs whole. */
async function run(block: () => unknown, reuse?: ReuseScope) {
  const graph = await file.model.graph(inputs, block);
  const { tensors, stats } = await runGraph(engine, graph, inputs, { reuse });
  const whole = await runGraph(file.engine('off'), graph, inputs);
  expect(tensors.length).toBeGreaterThan(0);
  expect(difference(tensors, whole.tensors)).toBeLessThan(1e-5);
  return stats;
}

const layer = (i: number) => () => {
  'use trace';
  return save(file.model.transformer.h[i].output);
};
const attention = (i: number) => () => {
  'use trace';
  return save(file.model.transformer.h[i].attn.output);
};
const scaled = (i: number, factor: number) => () => {
  'use trace';
  file.model.transformer.h[i].output *= factor;
  return save(file.model.lm_head.output);
};
const shifted = (steps: number) => () => {
  'use trace';
  let h = file.model.transformer.h[1].output;
  for (let i = 0; i < steps; i++) h += 1;
  file.model.transformer.h[1].output = h;
  return save(file.model.lm_head.output);
};

describe('blocks that only read', () => {
  it('share one session: as deep as is asked at first, then one for all layers', async () => {
    const first = await run(layer(1));
    expect(built(first)).toEqual([BODY]);
    expect(first.skipped).toEqual([END]);
    expect(built(await run(layer(0)))).toEqual([]);
    expect(built(await run(layer(3)))).toEqual([BODY]);
    for (const i of [2, 3, 1, 0]) {
      const stats = await run(layer(i));
      expect([names(stats), built(stats)]).toEqual([[BODY], []]);
    }
    expect((await run(layer(0))).held.sessions).toBe(2);
  });

  it('share it also inside the layers, where they read the same of each', async () => {
    await run(layer(3));
    expect(built(await run(attention(0)))).toEqual([BODY]);
    for (const i of [1, 2, 3]) expect(built(await run(attention(i)))).toEqual([]);
  });

  it('compute on the CPU what they make of it, and have a session of their own when they run again', async () => {
    await run(layer(3));
    const size = (i: number) => () => {
      'use trace';
      return save(file.model.transformer.h[i].output.norm());
    };
    const first = await run(size(2));
    expect([names(first), built(first)]).toEqual([[BODY, 'interventions'], ['interventions']]);
    expect(built(await run(size(1)))).toEqual([]);
    const second = await run(size(2));
    expect([names(second), built(second)]).toEqual([[ONE], [ONE]]);
  });

  it('run the unembedding on the rows that are read, in a session of their own from the first run', async () => {
    const last = () => {
      'use trace';
      return save(file.model.lm_head.output['0, -1']);
    };
    expect(names(await run(last))).toEqual([ONE]);
    expect(built(await run(last))).toEqual([]);
  });
});

describe('a block that sets something', () => {
  it('is one session from its first run, and other numbers make no new one', async () => {
    const first = await run(scaled(2, 0.5));
    expect([names(first), built(first)]).toEqual([[ONE], [ONE]]);
    expect(first.segmentation).toBe('blocks');
    expect(built(await run(scaled(2, 0.25)))).toEqual([]);
    expect((await run(scaled(2, 3))).held).toEqual(first.held);
  });

  it('runs in segments once where there are many, then takes the place of the one that ran longest ago', async () => {
    for (let steps = 1; steps <= BLOCKS; steps++) expect(names(await run(shifted(steps)))).toEqual([ONE]);
    const once = await run(shifted(9));
    expect(names(once)).toContain('transformer.h.1');
    expect(names(once)).toContain('interventions');
    const again = await run(shifted(9));
    expect(names(again)).toEqual([ONE]);
    expect(again.held.sessions).toBe(once.held.sessions);
    expect(names(await run(shifted(2)))).toEqual([ONE]);
    expect(built(await run(shifted(2)))).toEqual([]);
    expect(names(await run(shifted(1)))).not.toEqual([ONE]);
  });
});

it('a scope spares what is asked again', async () => {
  const scope = new ReuseScope();
  for (const block of [scaled(1, 0.5), layer(2)]) {
    const actions = [];
    for (let i = 0; i < 2; i++) actions.push((await run(block, scope)).dispatches.map(({ action }) => action));
    expect(actions).toEqual([['run'], ['reused']]);
  }
});
