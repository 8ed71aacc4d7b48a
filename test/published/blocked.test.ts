import { NNsight, save, zeros } from 'onnsight';
import { expect, test } from 'vitest';
import { fixturePath } from './fixture-path.ts';

test('modules of a file that ONNX Runtime laid out for one kind of processor are refused', async () => {
  const model = await NNsight.load(fixturePath('resnet-nchwc.onnx'), { device: 'cpu' });
  const layer = model.get('resnet.encoder.stages.0.layers.0');
  const fault =
    /blocked.test.ts:\d+:\d+ - 'resnet\.encoder\.stages\.0\.layers\.0[^']*' cannot be read or set: .*'extended'/;
  const sized = { pixel_values: zeros([2, 3, 32, 32], { dtype: 'float32' }) };
  await expect(model.scan(sized, () => save(layer.output))).rejects.toThrow(fault);
  const set = () => {
    layer.output = 0 as never;
  };
  await expect(model.scan(sized, set)).rejects.toThrow(fault);
  await expect(model.scan(sized, () => save(layer.ops.Add.output))).rejects.toThrow(fault);
  expect(await model.scan(sized, () => ({ logits: model.output }))).toMatchObject({ logits: { dtype: 'float32' } });
});
