import { save } from 'onnsight';
import { beforeAll, beforeEach, expect, it } from 'vitest';
import type { Engine } from '../../runtime/execution/engine.ts';
import { ReuseScope } from '../../runtime/execution/reuse.ts';
import { TOY } from '../support/fixtures.ts';
import { difference, type Engines, type Inputs, ids, newEngine, openEngines, runGraph } from './engines.ts';

const END = ['the end (1 of 2)', 'the end (2 of 2)'];

let file: Engines;
let engine: Engine;
let reuse: ReuseScope;

beforeAll(async () => {
  file = await openEngines(TOY);
  engine = newEngine(file.map, 'layers');
});
beforeEach(() => {
  reuse = new ReuseScope();
});

const plain = () => {
  'use trace';
  return save(file.model.lm_head.output);
};
const patched = (layer: number, position: number) => () => {
  'use trace';
  file.model.transformer.h[layer].output[`:, ${position}`] = 0;
  return save(file.model.lm_head.output);
};
const run = async (block: () => unknown, inputs: Inputs, scope: ReuseScope | undefined = reuse) =>
  runGraph(engine, await file.model.graph(inputs, block), inputs, { reuse: scope });
const ran = ({ stats }: Awaited<ReturnType<typeof run>>) =>
  stats.dispatches.filter(({ action, kind }) => action === 'run' && kind === 'segment').map(({ name }) => name);

it('does not run again what is fed the same, even if the data is another array', async () => {
  const first = await run(plain, ids([1, 2, 3]));
  const second = await run(plain, ids([1, 2, 3]));
  expect(ran(second)).toEqual([]);
  expect(difference(first.tensors, second.tensors)).toBe(0);
});

it('runs what lies behind a change, and gives what a run without a scope gives', async () => {
  const inputs = ids([1, 2, 3, 4]);
  await run(plain, inputs);
  for (const layer of [0, 1, 2, 3]) {
    for (const position of [0, 1, 2, 3]) {
      const swept = await run(patched(layer, position), inputs);
      const behind = ['transformer.h.0', 'transformer.h.1', 'transformer.h.2', 'transformer.h.3', ...END];
      expect(ran(swept)).toEqual(behind.slice(layer + 1));
      const alone = await run(patched(layer, position), inputs, undefined);
      expect(difference(swept.tensors, alone.tensors)).toBe(0);
    }
  }
});

it('starts a second sweep, on other inputs, from its own first run', async () => {
  for (const inputs of [ids([1, 2, 3]), ids([3, 2, 1])]) {
    await run(plain, inputs);
    for (const position of [0, 1, 2]) await run(patched(0, position), inputs);
    for (const position of [0, 1, 2]) expect(ran(await run(patched(3, position), inputs))).toEqual(END);
  }
});

it('notices that inputs were changed in place', async () => {
  const inputs = ids([1, 2, 3]);
  const before = await run(plain, inputs);
  (inputs.input_ids!.raw as unknown as BigInt64Array)[0] = 7n;
  const after = await run(plain, inputs);
  expect(ran(after).length).toBeGreaterThan(0);
  const expected = await run(plain, ids([7, 2, 3]), undefined);
  expect(difference(after.tensors, expected.tensors)).toBe(0);
  expect(difference(after.tensors, before.tensors)).toBeGreaterThan(0);
});

it('gives tensors that are the user’s own', async () => {
  const first = await run(plain, ids([1, 2, 3]));
  const kept = Float32Array.from(first.tensors[0]!.data);
  first.tensors[0]!.raw.fill(0);
  const second = await run(plain, ids([1, 2, 3]));
  expect(ran(second)).toEqual([]);
  expect(second.tensors[0]!.data).toEqual(kept);
});

it('holds on to no more than its limit', async () => {
  reuse = new ReuseScope(0);
  await run(plain, ids([1, 2, 3]));
  expect(ran(await run(plain, ids([1, 2, 3])))).toHaveLength(5 + END.length);
});
