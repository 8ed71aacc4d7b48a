import {
  cosineSimilarity,
  gelu,
  klDiv,
  layerNorm,
  logSoftmax,
  mseLoss,
  nllLoss,
  normalize,
  rmsNorm,
  silu,
  softmax,
  softplus,
  type Tensor,
  tensor,
} from 'onnsight';
import { describe, expect, it } from 'vitest';

const x = tensor([
  [1, 2, 3],
  [4, 5, 7],
]);

describe('functions that PyTorch has for fractions alone refuse whole numbers', () => {
  it.each([
    ['gelu', () => gelu(x)],
    ['silu', () => silu(x)],
    ['softplus', () => softplus(x)],
    ['layerNorm', () => layerNorm(x, [3])],
    ['rmsNorm', () => rmsNorm(x, [3])],
    ['normalize', () => normalize(x)],
    ['cosineSimilarity', () => cosineSimilarity(x, x)],
    ['softmax', () => softmax(x, -1)],
    ['logSoftmax', () => logSoftmax(x, -1)],
    ['mseLoss', () => mseLoss(x, x)],
    ['klDiv', () => klDiv(x.float(), x)],
    ['nllLoss', () => nllLoss(x, tensor([0, 1]))],
  ])('%s', (name, run) => {
    expect(run).toThrow(`${name} is not implemented for int64: convert the tensor with to('float32')`);
  });

  it('plain numbers bring no dtype, and one side may be of whole numbers', () => {
    expect((gelu(1) as unknown as Tensor).dtype).toBe('float32');
    expect((mseLoss(x.float(), x) as unknown as Tensor).item()).toBe(0);
    expect((cosineSimilarity(x.float(), x) as unknown as Tensor).dtype).toBe('float32');
  });
});
