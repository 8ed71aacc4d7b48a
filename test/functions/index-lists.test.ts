import { readFileSync } from 'node:fs';
import { add, mul, save, Tensor } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { loadToy } from '../support/toy.ts';

type Part = string | null | number | boolean | readonly Part[];
interface Case {
  readonly key: string | readonly Part[];
  readonly dims?: number[];
  readonly read?: number[];
  readonly set?: number[];
  readonly error?: string;
}

/** What PyTorch reads and writes (test/tools/index_fixtures.py). */
const { shape, cases } = JSON.parse(readFileSync(new URL('../fixtures/index.json', import.meta.url), 'utf8')) as {
  shape: number[];
  cases: Case[];
};
const right = cases.filter(({ error }) => error === undefined);
const wrong = cases.filter(({ error }) => error !== undefined);
const size = shape.reduce((a, b) => a * b, 1);
const x = Tensor.from(
  Float32Array.from({ length: size }, (_, i) => i),
  'float32',
  shape,
);
const lm = await loadToy();
const traced = () => add(x, mul(lm.transformer.h[0].output.sum(), 0));
// biome-ignore lint/suspicious/noExplicitAny: TypeScript takes no array for an index.
const at = (key: unknown) => key as any;

describe('lists, masks, slices and integers on any axes, as PyTorch has it', () => {
  it('read', async () => {
    const found = await lm.trace('Paris', () => right.map(({ key }) => save(traced()[at(key)])));
    right.forEach(({ key, dims, read }, i) => {
      expect(found[i]!.dims, JSON.stringify(key)).toEqual(dims);
      expect(Array.from(found[i]!.data), JSON.stringify(key)).toEqual(read);
    });
  });

  it('written', async () => {
    const found = await lm.trace('Paris', () =>
      right.map(({ key, dims, read }) => {
        const y = traced();
        y[at(key)] = Tensor.from(
          Float32Array.from(read!, (_, i) => i + 1000),
          'float32',
          dims!,
        );
        return save(y);
      }),
    );
    right.forEach(({ key, set }, i) => {
      expect(Array.from(found[i]!.data), JSON.stringify(key)).toEqual(set);
    });
  });

  it.each(wrong)('$key is an error: $error', async ({ key }) => {
    await expect(lm.trace('Paris', () => save(traced()[at(key)]))).rejects.toThrow(/index-lists\.test\.ts:\d+:\d+ - /);
    if (typeof key === 'string') expect(() => x[at(key)]).toThrow();
  });

  it('of a tensor outside of a trace', () => {
    for (const { key, dims, read } of right) {
      if (typeof key !== 'string') continue;
      expect(x[at(key)].dims, key).toEqual(dims);
      expect(Array.from(x[at(key)].data), key).toEqual(read);
    }
  });

  it('lists in variables, traced positions for each row, and data in a block', async () => {
    const rows = [0, 1];
    const found = await lm.trace('Paris', () => {
      const y = traced();
      const largest = y['0:2, :, 0, 0'].argmax(1);
      y[at([rows, largest, '...'])] = -1;
      return {
        text: save(traced()[`:, [${rows}], 0`]),
        traced: save(y),
        data: save(x[at([[0, 1]])]),
        mask: save(traced()[at([traced()[':, 0, 0, 0'] > 50, ':', 0])]),
      };
    });
    expect(Array.from(found.text.data)).toEqual(Array.from(x[':, [0, 1], 0'].data));
    expect(found.data.dims).toEqual([1, 2, ...shape.slice(1)]);
    const wanted = Array.from(x.data);
    for (const row of rows) wanted.fill(-1, row * 30 + 20, row * 30 + 30);
    expect(found.mask.dims).toEqual([2, 3, 5]);
    expect(Array.from(found.traced.data)).toEqual(wanted);
  });
});
