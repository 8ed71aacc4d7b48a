import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Loose, NNsight, save, Tensor } from 'onnsight';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { expect, test } from 'vitest';
import { makeGraph, makeModel, makeNode, makeTensor, makeValueInfo } from '../../runtime/onnx/make.ts';
import { encodeModel } from '../../runtime/onnx/proto.ts';
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

test('a quantized lm_head is its product with its scales and its bias', async () => {
  const at = (name: string) => `/lm_head/${name}`;
  const nodes = [
    makeNode('DynamicQuantizeLinear', ['x'], ['q', 'scale', 'zero'], {}, 'x_QuantizeLinear'),
    makeNode('Mul', ['scale', 'w_scale'], [at('scales')], {}, at('MatMul_quant_scales_mul')),
    makeNode('MatMulInteger', ['q', 'w', 'zero'], [at('integers')], {}, at('MatMul_quant')),
    makeNode('Cast', [at('integers')], [at('floats')], { to: { int: 1 } }, at('MatMul_output_0_output_quantized_cast')),
    makeNode('Mul', [at('floats'), at('scales')], [at('MatMul_output_0')], {}, at('MatMul_quant_output_scale_mul')),
    makeNode('Add', ['lm_head.bias', at('MatMul_output_0')], ['logits'], {}, at('Add')),
  ];
  const constants = [
    makeTensor('w', 'uint8', [1, 2, 3, 4, 5, 6], [2, 3]),
    makeTensor('w_scale', 'float32', [0.5], []),
    makeTensor('lm_head.bias', 'float32', [10, 20, 30], [3]),
  ];
  const info = (name: string, width: number) => makeValueInfo(name, 'float32', [1, width]);
  const graph = makeGraph('', nodes, [info('x', 2)], [info('logits', 3)], constants);
  const folder = mkdtempSync(join(tmpdir(), 'onnsight-'));
  const path = join(folder, 'model.onnx');
  writeFileSync(path, encodeModel(makeModel(graph)));
  const model = await NNsight.load<Loose>(path, { device: 'cpu' });
  const session = await InferenceSession.create(path);
  const { logits } = await session.run({ x: new OrtTensor('float32', [1, 2], [1, 2]) });
  const head = await model.trace({ x: [[1, 2]] }, () => save(model.lm_head!.output));
  expect([...head.data]).toEqual([...(logits!.data as Float32Array)]);
  rmSync(folder, { recursive: true });
});
