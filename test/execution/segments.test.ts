import { save } from 'onnsight';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Engine } from '../../runtime/execution/engine.ts';
import { TOY } from '../support/fixtures.ts';
import { built, type Engines, ids, names, newEngine, openEngines, runGraph } from './engines.ts';

const LAYERS = ['transformer.h.0', 'transformer.h.1', 'transformer.h.2', 'transformer.h.3'];
// What comes last is cut before the unembedding.
const END = ['the end (1 of 2)', 'the end (2 of 2)'];
const WHOLE = ['the beginning', ...LAYERS, ...END];

let file: Engines;
let engine: Engine;
const inputs = ids([1, 2, 3, 4, 5]);

beforeAll(async () => {
  file = await openEngines(TOY);
});
beforeEach(() => {
  engine = newEngine(file.map, 'layers');
});

const plain = () => {
  'use trace';
  return save(file.model.lm_head.output);
};
const scaled = (layer: number, factor: number) => () => {
  'use trace';
  file.model.transformer.h[layer].output *= factor;
  return save(file.model.lm_head.output);
};
const inside = (change: (h: number) => number) => () => {
  'use trace';
  const { mlp } = file.model.transformer.h[1];
  mlp.output = change(mlp.output);
  return save(file.model.lm_head.output);
};
const run = async (block: () => unknown) =>
  (await runGraph(engine, await file.model.graph(inputs, block), inputs)).stats;

describe('a model with repeated modules', () => {
  it('is compiled layer by layer, once', async () => {
    const first = await run(plain);
    expect(names(first)).toEqual(WHOLE);
    expect(built(first)).toEqual(WHOLE);
    expect(first.planned).not.toBeNull();
    const second = await run(plain);
    expect(names(second)).toEqual(WHOLE);
    expect(built(second)).toEqual([]);
    expect(second.planned).toBeNull();
  });

  it('runs only what the saved values need', async () => {
    const stats = await run(() => {
      'use trace';
      return save(file.model.transformer.h[0].output);
    });
    expect(names(stats)).toEqual(['the beginning', 'transformer.h.0']);
    expect(stats.skipped).toEqual([...LAYERS.slice(1), ...END]);
  });

  it('compiles nothing of the model for an intervention between two layers, and nothing at all for other numbers', async () => {
    await run(plain);
    const stats = await run(scaled(2, 0.5));
    expect(built(stats)).toEqual(['interventions']);
    expect(names(stats)).toEqual([...WHOLE.slice(0, 4), 'interventions', ...WHOLE.slice(4)]);
    expect(built(await run(scaled(2, 0.25)))).toEqual([]);
    // The same node elsewhere is the same program.
    expect(built(await run(scaled(1, 3)))).toEqual([]);
  });

  it('cuts a layer once at a tensor inside of it', async () => {
    await run(plain);
    const first = await run(
      inside((h) => {
        'use trace';
        return h * 2;
      }),
    );
    expect(built(first)).toEqual(['transformer.h.1 (1 of 2)', 'interventions', 'transformer.h.1 (2 of 2)']);
    const other = await run(
      inside((h) => {
        'use trace';
        return h - 1;
      }),
    );
    expect(built(other)).toEqual(['interventions']);
    expect(built(await run(plain))).toEqual([]);
  });

  it('keeps a cut of tensors that were only read, so that changing them is cheap', async () => {
    await run(() => {
      'use trace';
      return save(file.model.transformer.h[1].mlp.output);
    });
    await run(plain);
    const stats = await run(
      inside((h) => {
        'use trace';
        return h + 1;
      }),
    );
    expect(built(stats)).toEqual(['interventions']);
  });

  it('does not fall to programs where many tensors are read: they become outputs of one', async () => {
    const stats = await run(() => {
      'use trace';
      const { attn, mlp, ln_1, ln_2 } = file.model.transformer.h[0];
      return [attn, mlp, ln_1, ln_2].map(({ output }) => save(output));
    });
    expect(names(stats)).toEqual(['the beginning', 'transformer.h.0']);
  });

  it('runs a called module with the program that the model itself uses', async () => {
    const lens = () => {
      'use trace';
      const { transformer, lm_head } = file.model;
      return [save(lm_head(transformer.ln_f(transformer.h[1].output))), save(lm_head.output)];
    };
    const stats = await run(lens);
    const calls = stats.dispatches.filter(({ kind }) => kind === 'call').map(({ name }) => name);
    expect(calls).toEqual(['the call of transformer.ln_f', 'the call of lm_head']);
    const programs = new Set(stats.dispatches.filter((dispatch) => dispatch.built !== null).map(({ name }) => name));
    expect(programs.size).toBe(stats.dispatches.length - 2);
  });

  it('leaves out what a replaced value makes needless', async () => {
    const stats = await run(() => {
      'use trace';
      file.model.transformer.h[2].output = file.model.transformer.h[0].output;
      return save(file.model.lm_head.output);
    });
    expect(stats.skipped).toEqual(['transformer.h.1', 'transformer.h.2']);
  });
});

describe('a run', () => {
  it('lets other work have its turn between segments', async () => {
    let turns = 0;
    let running = true;
    const count = () => {
      turns++;
      if (running) setImmediate(count);
    };
    setImmediate(count);
    const stats = await run(plain);
    running = false;
    expect(turns).toBeGreaterThanOrEqual(stats.dispatches.length);
  });

  it('tells how far it is, segment by segment', async () => {
    const seen: [number, number][] = [];
    const onProgress = (done: number, total: number) => seen.push([done, total]);
    await runGraph(engine, await file.model.graph(inputs, plain), inputs, { onProgress });
    expect(seen).toEqual(WHOLE.map((_, i) => [i + 1, WHOLE.length]));
  });

  it('ends between two segments when its signal says so, and the engine goes on', async () => {
    const graph = await file.model.graph(inputs, plain);
    await runGraph(engine, graph, inputs);
    const controller = new AbortController();
    const ended = runGraph(engine, graph, inputs, { signal: controller.signal });
    setImmediate(() => controller.abort(new Error('enough')));
    await expect(ended).rejects.toThrow('enough');
    expect(names((await runGraph(engine, graph, inputs)).stats)).toEqual(WHOLE);
  });
});
