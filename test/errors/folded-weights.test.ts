import { fileURLToPath } from 'node:url';
import { type Loose, NNsight, save } from 'onnsight';
import { describe, expect, it } from 'vitest';

const load = (name: string) =>
  NNsight.load<Loose>(fileURLToPath(new URL(`../fixtures/${name}.onnx`, import.meta.url)), { device: 'cpu' });
const cnn = await load('zoo/cnn.dynamo');
const scripted = await load('zoo/cnn.ts');
const lstm = await load('edge/lstm.ts');
const image = { x: [Array.from({ length: 3 }, () => Array(16).fill(Array(16).fill(0.5)))] };
const sequence = { x: [Array.from({ length: 5 }, () => Array(8).fill(0.5))] };
const line = String.raw`^test\/errors\/folded-weights\.test\.ts:\d+:\d+ - `;

describe('weights that are not those of the module are not given under its name', () => {
  it('a convolution that a batch norm was folded into', async () => {
    const says = new RegExp(
      `${line}stem\\.0\\.\\w+ is not in this file: the exporter has folded the batch norm stem\\.1 into it, and what stands under its name is the product of both\\. To keep`,
    );
    await expect(cnn.trace(image, () => save(cnn.stem[0].weight))).rejects.toThrow(says);
    await expect(cnn.trace(image, () => save(cnn.stem[0].bias))).rejects.toThrow(says);
    await expect(cnn.trace(image, () => save(cnn.get('stem.0.weight') as unknown as number))).rejects.toThrow(says);
    expect('weight' in cnn.stem[0]).toBe(false);
    expect(String(cnn)).toContain('(0): Module() # fused into stem.1');
  });

  it('the batch norm itself', async () => {
    const says = new RegExp(
      `${line}stem\\.1\\.running_mean is not in this file as PyTorch has it, but transposed or folded`,
    );
    await expect(cnn.trace(image, () => save(cnn.stem[1].running_mean))).rejects.toThrow(says);
  });

  it('a weight that the exporter has given a name of its own', async () => {
    const says = new RegExp(
      `${line}stem\\.0\\.weight is not in this file as PyTorch has it, but transposed or folded into another weight: the module reads onnx::Conv_59 \\(float32 \\[8, 3, 3, 3\\]\\)`,
    );
    await expect(scripted.trace(image, () => save(scripted.stem[0].weight))).rejects.toThrow(says);
  });

  it('a name that may be that of a parameter', async () => {
    const says = new RegExp(
      `${line}no module lstm\\.weight_ih_l0: lstm has no modules in it\\. If it is a parameter: of those of lstm the exporter has made onnx::LSTM_\\d+ `,
    );
    await expect(lstm.trace(sequence, () => save(lstm.lstm.weight_ih_l0))).rejects.toThrow(says);
  });

  it('those of others are', async () => {
    const weight = await cnn.trace(image, () => save(cnn.block[0][0].weight));
    expect(weight.dims).toEqual([8, 8, 3, 3]);
  });
});
