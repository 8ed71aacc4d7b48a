import { NNsight, save, type Tensor } from 'onnsight';
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
