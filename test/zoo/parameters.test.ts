import { readFileSync } from 'node:fs';
import { backward, grad, LanguageModel, matmul, mul, NNsight, save, sub } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { EXPORTERS, modelPath, reference } from '../support/fixtures.ts';
import { TOY } from '../support/toy.ts';

interface Parameter {
  readonly dims: readonly number[];
  readonly first: readonly number[];
  readonly sum: number;
}

/** PyTorch's `named_parameters`, by `test/tools/zoo_parameters.py`. */
const zoo: Record<string, Record<string, Parameter>> = JSON.parse(
  readFileSync(new URL('../fixtures/zoo-parameters.json', import.meta.url), 'utf8'),
);

/**
 * What may be missing: both exporters merge the convolution of the cnn's stem with the batch norm behind it and reshape
 * what its group norms multiply by, and dynamo
 * merges biases and norms of equal elements (here nothing is trained), or folds them into other constants.
 */
const MERGED = { ts: /^(stem|block\.\d\.1)\./, dynamo: /^stem\.|\.bias$|^block\.\d\.1\./ };

describe.each(Object.keys(zoo))('every parameter of %s has the shape and elements of PyTorch', (name) => {
  it.each(EXPORTERS)('%s', async (exporter) => {
    const model = await NNsight.load(modelPath(`zoo/${name}`, exporter), { device: 'cpu' });
    const { inputs } = reference(`zoo/${name}`);
    const given = Object.fromEntries(Object.entries(inputs).map(([key, { data, dims }]) => [key, shaped(data, dims)]));
    for (const [path, expected] of Object.entries(zoo[name]!)) {
      const read = model.trace(given as never, () => save(model.get(path) as never));
      const found = await read.catch((error: Error) => error);
      if (found instanceof Error) {
        expect(found.message).toMatch(/parameters\.test\.ts:\d+:\d+ - .*(not in this file|no module)/);
        expect(path).toMatch(MERGED[exporter]);
        continue;
      }
      const { dims, data } = found;
      expect(dims, path).toEqual(expected.dims);
      const elements = Array.from(data as Float32Array);
      const first = elements.slice(0, 8);
      for (const [i, value] of expected.first.entries()) expect(first[i], path).toBeCloseTo(value, 5);
      expect(Math.abs(elements.reduce((a, b) => a + b, 0) - expected.sum), path).toBeLessThan(1e-2);
    }
  });
});

describe('a weight that the file has transposed', () => {
  it('is the embedding where it is tied, and has its gradient', async () => {
    const lm = await LanguageModel.load(TOY, { device: 'cpu' });
    const { difference, head, embedding } = await lm.trace('The Eiffel Tower', () => {
      const difference = save(sub(lm.lm_head.weight, lm.transformer.wte.weight).abs().max());
      backward(lm.lm_head.output['0, -1, 3']);
      return { difference, head: save(lm.lm_head.weight.grad), embedding: save(lm.transformer.wte.weight.grad) };
    });
    expect(difference.item()).toBe(0);
    expect(head.dims).toEqual([189, 128]);
    const distance = Array.from(head.data, (value: number, i: number) => Math.abs(value - embedding.data[i]!));
    expect(Math.max(...distance)).toBeLessThan(1e-5);
  });

  it('is a copy: changed in place it changes nothing else', async () => {
    const lm = await LanguageModel.load(TOY, { device: 'cpu' });
    const { changed, again, logits } = await lm.trace('The Eiffel Tower', () => {
      const { weight } = lm.lm_head;
      weight[':'] = 0;
      return {
        changed: save(weight.abs().max()),
        again: save(lm.lm_head.weight.abs().max()),
        logits: save(lm.lm_head.output),
      };
    });
    const plain = await lm.trace('The Eiffel Tower', () => save(lm.lm_head.output));
    expect(changed.item()).toBe(0);
    expect(Number(again.item())).toBeGreaterThan(0);
    expect(Array.from(logits.data)).toEqual(Array.from(plain.data));
  });

  it('has the same gradient by grad(), and one that is set', async () => {
    const lm = await LanguageModel.load(TOY, { device: 'cpu' });
    const { own, given, set } = await lm.trace('The Eiffel Tower', () => {
      const loss = lm.lm_head.output['0, -1, 3'];
      const own = save(grad(loss, lm.lm_head.weight));
      backward(loss);
      const given = save(lm.lm_head.weight.grad.clone());
      lm.lm_head.weight.grad = mul(lm.lm_head.weight.grad, 2);
      return { own, given, set: save(lm.lm_head.weight.grad) };
    });
    expect(own.dims).toEqual([189, 128]);
    expect(Array.from(own.data)).toEqual(Array.from(given.data));
    expect(Array.from(set.data as Float32Array)).toEqual(Array.from(given.data as Float32Array, (value) => 2 * value));
  });

  it('computes what the module computes, and its gradient is the input where one output is the loss', async () => {
    const model = await NNsight.load(modelPath('zoo/llama', 'ts'), { device: 'cpu' });
    const { input, grad, own, output } = await model.trace([[1, 2, 3]], () => {
      const { lm_head } = model.model;
      const own = save(matmul(lm_head.input, lm_head.weight.t()));
      const output = save(lm_head.output);
      backward(lm_head.output['0, -1, 3']);
      return { own, output, input: save(lm_head.input['0, -1']), grad: save(lm_head.weight.grad) };
    });
    const distance = Array.from(own.data, (value: number, i: number) => Math.abs(value - output.data[i]!));
    expect(Math.max(...distance)).toBeLessThan(1e-5);
    // logit 3 = input · weight[3]
    const [rows, columns] = grad.dims as [number, number];
    expect([rows, columns]).toEqual([96, 32]);
    const row = Array.from(grad.data.subarray(3 * columns, 4 * columns));
    for (const [i, value] of row.entries()) expect(value).toBeCloseTo(input.data[i]!, 4);
    expect(grad.data.filter((value: number) => value !== 0).length).toBeLessThanOrEqual(columns);
  });
});

function shaped(data: readonly number[], [size = 1, ...rest]: readonly number[]): unknown {
  if (rest.length === 0) return data;
  const step = data.length / size;
  return Array.from({ length: size }, (_, i) => shaped(data.slice(i * step, (i + 1) * step), rest));
}
