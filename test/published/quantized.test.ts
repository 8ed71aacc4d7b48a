import { NNsight, save, Tensor } from 'onnsight';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { expect, test } from 'vitest';
import { Published } from './reference.ts';

test('an embedding whose table is quantized has no floats of its own: an error at the line', async () => {
  const { model: path, inputs } = new Published('mpnet-int8');
  const model = await NNsight.load(path, { device: 'cpu' });
  const read = model.trace(inputs, () => save(model.get('encoder.relative_attention_bias').output));
  await expect(read).rejects.toThrow(
    /quantized.test.ts:\d+:\d+ - 'encoder.relative_attention_bias' looks its output up in a quantized table in this file \(uint8\)/,
  );
  const table = await model.trace(inputs, () => save(model.get('encoder.relative_attention_bias').ops.Gather.output));
  expect(table.dtype).toBe('uint8');
});

test('a weight in few bits is the numbers that these stand for', async () => {
  const { model: path } = new Published('mpnet-int8');
  const model = await NNsight.load(path, { device: 'cpu' });
  const weight = model.get('encoder.layer.0.attention.attn.q.weight') as unknown as Tensor;
  expect([weight.dtype, weight.dims]).toEqual(['float32', [32, 32]]);
});

test('rows of several lengths in a file with dynamic quantization are what plain ONNX Runtime gives of the batch', async () => {
  const { model: path } = new Published('mpnet-int8');
  const model = await NNsight.load(path, { device: 'cpu' });
  const ids = [0, 42, 2, 1, 1, 1, 0, 11, 99, 101, 5, 2];
  const mask = [1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 1, 1];
  const given = { input_ids: ids, attention_mask: mask };
  const session = await InferenceSession.create(path);
  const feeds = Object.entries(given).map(([name, data]) => [
    name,
    new OrtTensor('int64', BigInt64Array.from(data, BigInt), [2, 6]),
  ]);
  const plain = (await session.run(Object.fromEntries(feeds)))[session.outputNames[0]!]!;
  const inputs = Object.entries(given).map(([name, data]) => [name, Tensor.from(data, 'int64', [2, 6])]);
  const output = await model.trace(Object.fromEntries(inputs), () => save(model.output));
  const off = [...output.data].map((value, i) => Math.abs(Number(value) - Number(plain.data[i])));
  expect(Math.max(...off)).toBeLessThan(1e-5);
});
