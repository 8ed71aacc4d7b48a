/** In PyTorch what the gradient by a parameter is set to changes no other gradient. */
import { backward, NNsight, save, sum, Tensor } from 'onnsight';
import { expect, it } from 'vitest';
import { loadEachWay } from '../execution/ways.ts';
import { modelPath } from '../support/fixtures.ts';

it('the gradient by a parameter may be set where nothing reads it', async () => {
  const x = Tensor.from([1, 2, 3, 4, 5], 'float32', [1, 5]);
  for (const [, model] of await loadEachWay(() => NNsight.load(modelPath('zoo/mlp', 'ts'), { device: 'cpu' }))) {
    const { set, read } = await model.trace({ x }, () => {
      backward(sum(model.layer1.output * 3));
      const { bias } = model.layer1;
      bias.grad = new Float32Array(10).fill(7);
      return { set: save(model.layer1.output.grad), read: save(model.layer1.output.grad * 2) };
    });
    expect([...set.data]).toEqual(new Array(10).fill(3));
    expect([...read.data]).toEqual(new Array(10).fill(6));
  }
});
