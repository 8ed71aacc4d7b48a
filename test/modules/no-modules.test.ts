import { fileURLToPath } from 'node:url';
import { NNsight, save } from 'onnsight';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { expect, it } from 'vitest';
import { expectClose } from '../support/toy.ts';

/** A quantized file: ONNX Runtime's quantizer drops the metadata in which the dynamo exporter names the modules. */
const path = fileURLToPath(new URL('../fixtures/edge/mlp.quantized.onnx', import.meta.url));
const model = await NNsight.load(path, { device: 'cpu' });
const x = [0.5, -1, 2, 0.25, -0.75];

it('says that the file names no modules, and what there is', () => {
  expect(String(model)).toBe(
    "Model() # the file names no modules: reach its operations by kind, ops.DynamicQuantizeLinear.output (there are DynamicQuantizeLinear, Mul, MatMulInteger, Cast, Add), or by the names of their nodes, get('name').output",
  );
  expect(() => model.layer1).toThrow(/no module layer1: the file names no modules: reach its operations by kind/);
  expect(() => model.get('layer1.linear')).toThrow(/no module layer1: the file names no modules/);
});

it('reads and sets its nodes by name and by kind', async () => {
  const session = await InferenceSession.create(path);
  const run = await session.run({ x: new Tensor('float32', x, [1, 5]) });
  const { dims, data } = run[session.outputNames[0]!]!;
  const expected = { dims, data: Array.from(data as Float32Array) };
  const { byName, byKind, changed } = await model.trace([x], () => {
    const byName = save(model.get('node_linear_1_Add').output);
    const byKind = save(model.ops.Add_1!.output);
    model.get('node_linear_1_Add').output *= 2;
    return { byName, byKind, changed: save(model.output) };
  });
  expectClose(byName, expected);
  expectClose(byKind, expected);
  expectClose(changed, { dims, data: expected.data.map((value) => value * 2) });
});
