import { dirname } from 'node:path';
import { LanguageModel, type ModuleList, save, Tensor } from 'onnsight';
import { expect, it } from 'vitest';
import { TOY } from '../support/fixtures.ts';
import { loadToy, reference } from '../support/toy.ts';

const lm = await loadToy();
const h = lm.transformer.h as ModuleList;
const clean = { input_ids: [reference.ids.clean] };
const paths = ['transformer.h.0', 'transformer.h.1', 'transformer.h.2', 'transformer.h.3'];

it('a list of modules has the methods of an array that change nothing', () => {
  expect(h.map((layer) => layer.path)).toEqual(paths);
  expect([...h.entries()].map(([i, layer]) => [i, layer.path])).toEqual([...paths.entries()]);
  expect(h.slice(1, -1).map((layer) => layer.path)).toEqual(paths.slice(1, -1));
  expect(h.at(-1).path).toBe(paths.at(-1));
  expect(h.find((layer) => layer.path.endsWith('2'))).toBe(h[2]);
  expect([h.includes(h[1]), h.indexOf(h[3]), 'map' in h, 'push' in h]).toEqual([true, 3, true, false]);
  expect(h.reduce((sum, layer) => sum + layer.path.length, 0)).toBe(paths.join('').length);
  expect(() => (h as unknown as { push: unknown }).push).toThrow(/no module transformer\.h\.push/);
});

it('in a block, and in a branch of the graph', async () => {
  const { all, counted } = await lm.trace(clean, () => {
    const all = save(h.map((layer) => layer.output));
    let counted = 0;
    if (lm.lm_head.output.sum() > Number.NEGATIVE_INFINITY) {
      h.forEach((_, i) => {
        counted += i;
      });
    }
    return { all, counted: save(counted) };
  });
  const one = await lm.trace(clean, () => save(h[2].output));
  expect(all.map((one) => one.dims)).toEqual(paths.map(() => one.dims));
  expect(all[2]!.data).toEqual(one.data);
  expect(Number(counted)).toBe(0 + 1 + 2 + 3);
});

it('the transpose of a matrix, in a block and of what came back', async () => {
  const { matrix, T, mT } = await lm.trace(clean, () => {
    const matrix = h[0].output[0];
    return { matrix: save(matrix), T: save(matrix.T), mT: save(h[0].output.mT) };
  });
  const [rows, columns] = matrix.dims as [number, number];
  const swapped = Array.from({ length: columns }, (_, j) =>
    Array.from({ length: rows }, (_, i) => matrix.data[i * columns + j]),
  );
  expect(T.toArray()).toEqual(swapped);
  expect(mT.toArray()).toEqual([swapped]);
  expect((matrix.T as unknown as Tensor).toArray()).toEqual(swapped);
  expect(
    (
      Tensor.from([
        [
          [1, 2],
          [3, 4],
        ],
      ]).mT as unknown as Tensor
    ).toArray(),
  ).toEqual([
    [
      [1, 3],
      [2, 4],
    ],
  ]);
  await expect(lm.trace(clean, () => save(h[0].output.T))).rejects.toThrow(
    /T is the transpose of a matrix.*3 dimensions/,
  );
});

it('the configuration of a language model, whole', async () => {
  const model = await LanguageModel.load(dirname(TOY), { device: 'cpu' });
  expect(model.config).toMatchObject({ model_type: 'gpt2', n_layer: 4 });
});
