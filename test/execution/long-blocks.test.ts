import { cat, intervention, NNsight, type RunStats, save, sum, type Tensor } from 'onnsight';
import { describe, expect, it, vi } from 'vitest';
import { build } from '../bundle/support/build.ts';
import { modelPath } from '../support/fixtures.ts';

const x = [[0.1, 0.2, 0.3, 0.4, 0.5]];
const COUNT = 2500;

it.each(['auto', 'blocks', 'layers', 'modules', 'taps'] as const)(
  'a block of thousands of operations is many programs of few structures (%s)',
  async (segmentation) => {
    // biome-ignore lint/suspicious/noExplicitAny: the modules of this model are not known to the type checker.
    const model: any = await NNsight.load(modelPath('zoo/mlp', 'ts'), { device: 'cpu', segmentation });
    let stats: RunStats | undefined;
    const run = () =>
      model.trace(
        { x },
        () => {
          const first = model.layer1.output;
          const before = save(first);
          let added = first;
          const scaled = [];
          for (let i = 0; i < COUNT; i++) {
            added = added + (i % 7);
            scaled.push(first * i);
          }
          model.layer1.output = added;
          return { before, added: save(added), scaled: save(cat(scaled, 0)), end: save(model.layer2.output) };
        },
        { onStats: (one: RunStats) => (stats = one) },
      );
    for (let again = 0; again < 2; again++) {
      const { before, added, scaled, end } = await run();
      const start: number[] = [...(before as Tensor).data];
      // Whole numbers in float32: plain JavaScript adds the same.
      const expected = start.map((one) => {
        let sum = one;
        for (let i = 0; i < COUNT; i++) sum = Math.fround(sum + (i % 7));
        return sum;
      });
      expect([...added.data]).toEqual(expected);
      expect(scaled.dims).toEqual([COUNT, start.length]);
      const last = [...scaled.data.slice(-start.length)];
      expect(last).toEqual(start.map((one) => Math.fround(one * (COUNT - 1))));
      const set = await model.trace({ x }, () => {
        model.layer1.output = [expected];
        return save(model.layer2.output);
      });
      expect([...end.data]).toEqual([...set.data]);
    }
    expect(stats!.dispatches.length).toBeGreaterThan(10);
    // No new structure, and no session of its own that would take ONNX Runtime minutes.
    expect(stats!.dispatches.filter(({ built }) => built !== null)).toEqual([]);
  },
);

describe('what is one program, and has more nodes than ONNX Runtime compiles in seconds, is an error at its line', () => {
  const long = (value: number): number => {
    'use trace';
    let sum = value;
    for (let i = 0; i < 16_000; i++) sum = sum + (i % 7); // here
    return sum;
  };
  // biome-ignore lint/suspicious/noExplicitAny: the modules of this model are not known to the type checker.
  const loaded: Promise<any> = NNsight.load(modelPath('zoo/mlp', 'ts'), { device: 'cpu' });
  const here = /long-blocks\.test\.ts:\d+:\d+ - With this operation a program has more than 15,000 nodes/;

  it('the body of a loop in a branch', async () => {
    const model = await loaded;
    const run = model.trace({ x }, () => {
      let found = model.layer1.output;
      if (found.sum() > 0) {
        while (found.sum() < 10) found = long(found);
      }
      return save(found);
    });
    await expect(run).rejects.toThrow(here);
    await expect(run).rejects.toThrow(/outside of the condition there may be any number/);
  });

  it('a bundle', async () => {
    const adds = intervention((model: NNsight) => {
      model.layer1.output = long(model.layer1.output);
      return save(model.layer2.output);
    });
    await expect(build(adds, modelPath('zoo/mlp', 'ts'))).rejects.toThrow(here);
  });
});

it('conditionals that are many nodes together are several programs', async () => {
  vi.stubEnv('ONNSIGHT_SEGMENTS', undefined);
  const model = await NNsight.load(modelPath('zoo/mlp', 'ts'), { device: 'cpu' });
  vi.unstubAllEnvs();
  let stats: RunStats | undefined;
  const added = await model.trace(
    { x },
    () => {
      let found = model.layer1.output * 0;
      for (let i = 0; i < 100; i++) {
        if (sum(found) >= 0) for (let j = 0; j < 160; j++) found = found + 1;
        else found = found - 1;
      }
      return save(found);
    },
    { onStats: (one: RunStats) => (stats = one) },
  );
  expect(new Set(added.data)).toEqual(new Set([16_000]));
  expect(stats!.dispatches.length).toBeGreaterThan(4);
});
