import { NNsight, ReuseScope, type RunStats, save, type TraceOptions } from 'onnsight';
import { beforeEach, expect, it } from 'vitest';
import { TOY } from '../support/fixtures.ts';

const PROMPT = [[1, 2, 3, 4]];

// biome-ignore lint/suspicious/noExplicitAny: the modules of this model are not known to the type checker.
let model: any;
const open = (options = {}) => NNsight.load(TOY, { device: 'cpu', segmentation: 'layers', ...options });
beforeEach(async () => {
  model = await open();
});

/** A trace that sets one position after a layer: its logits, what ran of the model, and what is kept. */
async function patched(layer: number, position: number, options: TraceOptions = {}, prompt = PROMPT) {
  let stats!: RunStats;
  const onStats = (seen: RunStats) => {
    stats = seen;
  };
  const block = () => {
    model.transformer.h[layer].output[`:, ${position}`] = 0.5;
    return save(model.lm_head.output);
  };
  const logits = await model.trace(prompt, block, { onStats, ...options });
  const segments = stats.dispatches.filter(({ kind }) => kind === 'segment');
  return { data: logits.data, ran: segments.filter(({ action }) => action === 'run').length, held: stats.held };
}

it('a loop of traces on one prompt runs only what lies behind the change, and gives what each gives alone', async () => {
  const found = [];
  for (const layer of [0, 1, 2, 3]) {
    for (const position of [0, 1, 2, 3]) found.push(await patched(layer, position));
  }
  const [first, second, third, , ...others] = found;
  expect([first!.ran, second!.ran]).toEqual([7, 7]);
  expect(third!.ran).toBe(5);
  // The first time behind a later layer, the layers up to it may be new.
  expect(others.map(({ ran }) => ran)).toEqual([5, 4, 4, 4, 4, 3, 3, 3, 3, 2, 2, 2]);
  model = await open({ reuse: false });
  for (const [i, { data }] of found.entries()) {
    const alone = await patched(i >> 2, i % 4);
    expect(alone.ran).toBe(7);
    expect(alone.held.results).toBe(0);
    expect(data).toEqual(alone.data);
  }
});

it('a run on a new prompt keeps nothing, and prompts may take turns', async () => {
  for (const token of [5, 6, 7]) {
    const { held } = await patched(1, 0, {}, [[token, 1, 1]]);
    expect(held.results).toBe(0);
  }
  const again = [];
  for (const token of [5, 6, 7, 5, 6, 7]) again.push((await patched(1, 1, {}, [[token, 1, 1]])).ran);
  expect(again).toEqual([7, 7, 7, 4, 4, 4]);
  expect((await patched(1, 0)).held.results).toBeGreaterThan(0);
});

it('one trace can be left out, and a scope of one’s own is used instead', async () => {
  for (let i = 0; i < 3; i++) await patched(2, i);
  expect((await patched(2, 3, { reuse: false })).ran).toBe(7);
  expect((await patched(2, 3, { reuse: new ReuseScope() })).ran).toBe(7);
  expect((await patched(2, 3)).ran).toBe(3);
});

it('a sweep that is over is forgotten, and so is all when the model is released', async () => {
  for (let i = 0; i < 3; i++) await patched(2, i);
  let last = await patched(2, 3);
  expect(last.held.results).toBeGreaterThan(0);
  for (let i = 0; i < 64; i++) last = await patched(2, 0, {}, [[i, 1, 2]]);
  expect(last.held.results).toBe(0);
});

it('what a function of the user gives is asked for each time, and what stands before it runs once', async () => {
  let calls = 0;
  const run = async () => {
    let ran = 0;
    const onStats = ({ dispatches }: RunStats) => {
      ran += dispatches.filter(({ kind, action }) => kind === 'segment' && action === 'run').length;
    };
    const block = (tracer: { apply: (...given: unknown[]) => number }) => {
      const { output } = model.transformer.h[1];
      model.transformer.h[1].output += tracer.apply(() => ++calls, output, { dtype: 'float32', dims: [] });
      return save(model.lm_head.output);
    };
    const logits = await model.trace(PROMPT, block, { onStats });
    return { ran, data: [...logits.data] };
  };
  const found = [await run(), await run(), await run()];
  expect(calls).toBe(3);
  expect(found.map(({ ran }) => ran)).toEqual([8, 8, 4]);
  expect(found[2]!.data).not.toEqual(found[1]!.data);
});

it('refuses an option that says neither', async () => {
  await expect(model.trace(PROMPT, () => save(model.output), { reuse: true })).rejects.toThrow(
    'The option reuse of trace is a ReuseScope or false, not true.',
  );
});
