import { cat, NNsight, type RunStats, save, type Tensor } from 'onnsight';
import { expect, it } from 'vitest';
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
