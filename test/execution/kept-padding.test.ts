import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { intervention, type Loose, NNsight, save } from 'onnsight';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, expect, it } from 'vitest';
import { makeGraph, makeModel, makeNode, makeTensor, makeValueInfo } from '../../runtime/onnx/make.ts';
import { encodeModel } from '../../runtime/onnx/proto.ts';
import { compileTo } from '../bundle/support/build.ts';
import { loadEachWay } from './ways.ts';

/*
 * ONNX Runtime 1.30 makes a `Pad` of zeros a part of the pooling behind it, whose own padding is no zeros. The expected values
 * are PyTorch's: `max_pool2d(pad(x, (1, 1, 1, 1)), 2)`, and `avg_pool2d` of the same.
 */

const folder = mkdtempSync(join(tmpdir(), 'onnsight-'));
afterAll(() => rmSync(folder, { recursive: true }));

const ints = (...values: number[]) => ({ ints: values });
const pooled = { kernel_shape: ints(2, 2), strides: ints(2, 2), pads: ints(0, 0, 0, 0) };
const nodes = [
  makeNode('Pad', ['x', 'around'], ['padded'], {}, '/Pad'),
  makeNode('Identity', ['padded'], ['same'], {}, '/Identity'),
  makeNode('MaxPool', ['same'], ['largest'], pooled, '/MaxPool'),
  makeNode('Pad', ['x', 'around', 'zero'], ['again'], {}, '/Pad_1'),
  makeNode('AveragePool', ['again'], ['means'], { ...pooled, count_include_pad: { int: 0 } }, '/AveragePool'),
];
const weights = [makeTensor('around', 'int64', [0, 0, 1, 1, 0, 0, 1, 1], [8]), makeTensor('zero', 'float32', [0], [])];
const info = (name: string) => makeValueInfo(name, 'float32', [1, 1, 2, 2]);
const path = join(folder, 'pools.onnx');
writeFileSync(
  path,
  encodeModel(makeModel(makeGraph('pools', nodes, [info('x')], [info('largest'), info('means')], weights))),
);

const x = [-1, -2, -3, 4];
const largest = [0, 0, 0, 4];
const means = [-0.25, -0.5, -0.75, 1];
const read = (model: Loose) => ({
  largest: save(model.outputs.largest),
  means: save(model.outputs.means),
});

it('pooling sees the zeros in front of it, however the model is cut', async () => {
  for (const [segmentation, model] of await loadEachWay(() => NNsight.load<Loose>(path, { device: 'cpu' }))) {
    const found = await model.trace({ x: [[[x.slice(0, 2), x.slice(2)]]] }, () => ({
      largest: save(model.outputs.largest),
      means: save(model.outputs.means),
    }));
    expect([...found.largest.data], segmentation).toEqual(largest);
    expect([...found.means.data], segmentation).toEqual(means);
  }
});

it('and in a bundle, in any host', async () => {
  const made = await compileTo(intervention({}, read), { model: path });
  const session = await InferenceSession.create(join(made, 'steer.onnx'));
  const found = await session.run({ x: new Tensor('float32', x, [1, 1, 2, 2]) });
  expect(Array.from(found.largest!.data as Float32Array)).toEqual(largest);
  expect(Array.from(found.means!.data as Float32Array)).toEqual(means);
});
