import { fileURLToPath } from 'node:url';
import * as f from 'onnsight';
import { type DType, LanguageModel, NNsight, save, Tensor, type Traced } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { block } from '../../runtime/operators/blocks.ts';
import { TOY } from '../support/toy.ts';

type Chain = (x: Traced, w: Traced, b: Traced) => Traced;

/** Functions one after the other, [3, 8] beside [8]: ONNX Runtime would join some of them, and round once where two round. */
const CHAINS: Readonly<Record<string, Chain>> = {
  'a product and a sum': (x, w, b) => f.add(f.mul(x, w), b),
  'a difference of sums': (x, w, b) => f.sub(f.sum(f.mul(x, w), -1, true), b),
  'through a slice': (x, w, b) => f.add(f.flip(f.mul(x, w), [0]), b),
  'through a choice': (x, w, b) => f.add(f.where(f.gt(x, 0), f.mul(x, w), w), b),
  'through a triangle': (x, w, b) => f.add(f.tril(f.mul(x, w)), b),
  'through a sign': (x, w, b) => f.add(f.relu(f.neg(f.mul(x, w))), b),
  'a rounding': (x, w, b) => f.mul(f.floor(f.mul(f.mul(x, w), 1000)), b),
  'an order': (x, w) => f.argmax(f.mul(x, w), -1),
  'a comparison': (x, w, b) => f.float(f.lt(f.mul(x, w), b)),
  'a layer norm': (x, w, b) => f.layerNorm(x, [8], w, b),
  'an RMS norm': (x, w) => f.rmsNorm(x, [8], w),
  'a gelu of a sum': (x, _, b) => f.gelu(f.add(x, b)),
  'a softmax, scaled': (x, w) => f.mul(f.softmax(f.mul(x, w), -1), 0.3),
  'a linear layer of one feature': (x, w) => f.linear(x, f.unsqueeze(w, 0)),
  'a linear layer of one row': (x, w) => f.linear(f.unsqueeze(w, 0), x),
  'a linear layer with a bias': (x, w, b) => f.linear(x, f.stack([w, b], 0), f.sum(f.stack([w, b], 0), -1)),
  'a product with a transpose': (x, w) => f.matmul(f.unsqueeze(w, 0), f.transpose(x, 0, 1)),
  'a product with a sum behind it': (x, w) => f.add(f.matmul(x, f.transpose(x, 0, 1)), f.sum(w)),
};
const DTYPES: readonly DType[] = ['float16', 'float32'];

/** Numbers with digits in all places, the same in each run. */
function numbers(seed: number, dims: readonly number[]): Tensor {
  const count = dims.reduce((product, size) => product * size, 1);
  return Tensor.from(
    Array.from({ length: count }, (_, i) => 4 * Math.sin(seed * 91.7 + i * 12.9898)),
    'float32',
    dims,
  );
}

/** One model runs as one session with its blocks, the other apart from them. */
const MODELS = {
  whole: async () => {
    const path = fileURLToPath(new URL('../fixtures/zoo/mlp.ts.onnx', import.meta.url));
    return [await NNsight.load(path, { device: 'cpu' }), { x: [[0, 0, 0, 0, 0]] }] as const;
  },
  'in segments': async () => [await LanguageModel.load(TOY, { device: 'cpu' }), 'The Big Ben'] as const,
};

describe.each(Object.entries(MODELS))('a model %s', (_, load) => {
  it.each(DTYPES)('functions of %s give the same bits in a block and outside', async (dtype) => {
    const [model, input] = await load();
    const cases = Object.entries(CHAINS).flatMap(([name, chain]) =>
      [1, 2].map((seed) => {
        const [x, w, b] = [numbers(seed, [3, 8]), numbers(seed + 2, [8]), numbers(seed + 4, [8])].map((one) =>
          one.to(dtype),
        ) as unknown as [Traced, Traced, Traced];
        return { name, call: () => chain(x, w, b) };
      }),
    );
    const outside = cases.map(({ call }) => call() as unknown as Tensor);
    const inside = (await (model as NNsight).trace(
      input as never,
      block(() => cases.map(({ call }) => save(call()))),
    )) as unknown as Tensor[];
    expect(cases.filter((_, i) => `${inside[i]!.raw}` !== `${outside[i]!.raw}`).map(({ name }) => name)).toEqual([]);
  });
});

it('halves are rounded after each function, as in PyTorch', async () => {
  const half = (...values: number[]) => Tensor.from(values).to('float16') as unknown as Traced;
  const [x, w, b] = [half(1.1, 2.3, -3.7, 0.7), half(3.3, -1.9, 2.7, 5.1), half(0.013, 7.7, -0.21, 100.1)];
  expect((f.add(f.mul(x, w), b) as unknown as Tensor).toArray()).toEqual([
    3.642578125, 3.328125, -10.1953125, 103.6875,
  ]);
  // What is changed in place keeps the rest as it was.
  const lm = await LanguageModel.load(TOY, { device: 'cpu' });
  const changed = await lm.trace('The', () => {
    const [one, two, three] = [f.mul(x, w), f.mul(x, w), f.mul(x, w)];
    one['0:1'] = 1;
    two[f.gt(two, 3.6)] = 1;
    three[f.tensor([0])] = 1;
    return [one, two, three].map((y) => save(f.add(y, b)));
  });
  for (const one of changed) expect((one.toArray() as number[]).slice(1)).toEqual([3.328125, -10.1953125, 103.6875]);
});
