import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { intervention, type Loose, NNsight, save } from 'onnsight';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, expect, it } from 'vitest';
import { type Attributes, makeGraph, makeModel, makeNode, makeTensor, makeValueInfo } from '../../runtime/onnx/make.ts';
import { encodeModel, type NodeProto } from '../../runtime/onnx/proto.ts';
import { compileTo } from '../bundle/support/build.ts';
import { loadEachWay } from './ways.ts';

/*
 * ONNX Runtime 1.30 makes a `Pad` of zeros a part of the pooling behind it, whose own padding is no zeros. The expected values
 * are PyTorch's: of the first model `max_pool2d(pad(x, (1, 1, 1, 1)), 2)`, and `avg_pool2d` of the same.
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

/** Name, nodes, and what PyTorch gives: `p` is `pad(x, (1, 1, 1, 1))`, `q` is `pad(x, (2, 2, 2, 2))`. */
const cases: [name: string, nodes: NodeProto[], values: number[]][] = [
  [
    'max_pool2d(p, 2, ceil_mode=True)',
    [padded('p'), pooling('MaxPool', { kernel_shape: ints(2, 2), strides: ints(2, 2), ceil_mode: { int: 1 } })],
    [0, 0, 0, 0, 5, 0, 0, 0, 0],
  ],
  [
    'max_pool2d(p, 3, 2, 1, ceil_mode=True)',
    [
      padded('p'),
      pooling('MaxPool', {
        kernel_shape: ints(3, 3),
        strides: ints(2, 2),
        pads: ints(1, 1, 1, 1),
        ceil_mode: { int: 1 },
      }),
    ],
    [0, 0, 0, 0, 0, 5, 5, 0, 0, 0, 0, 0],
  ],
  [
    'max_pool2d(p, 2, 3, 1)',
    [padded('p'), pooling('MaxPool', { kernel_shape: ints(2, 2), strides: ints(3, 3), pads: ints(1, 1, 1, 1) })],
    [0, 0, 0, 0, 5, 0],
  ],
  [
    'avg_pool2d(q, 3, 3, 1)',
    [
      padded('q'),
      pooling('AveragePool', {
        kernel_shape: ints(3, 3),
        strides: ints(3, 3),
        pads: ints(1, 1, 1, 1),
        count_include_pad: { int: 1 },
      }),
    ],
    [0, 0, 0, 0, -14 / 3, -8 / 3, 0, 0, 0],
  ],
  [
    'max_pool2d(p, 2, 3, 1), channels last',
    [
      makeNode('Transpose', ['x'], ['last'], { perm: ints(0, 2, 3, 1) }, '/Transpose'),
      makeNode('Pad', ['last', 'last_p'], ['padded'], {}, '/Pad'),
      makeNode('Transpose', ['padded'], ['pad'], { perm: ints(0, 3, 1, 2) }, '/Transpose_1'),
      pooling('MaxPool', { kernel_shape: ints(2, 2), strides: ints(3, 3), pads: ints(1, 1, 1, 1) }),
    ],
    [0, 0, 0, 0, 5, 0],
  ],
  [
    'conv2d(x, pad(w, (0, 1, 0, 1)))',
    [
      makeNode('Pad', ['w', 'wider'], ['wide'], {}, '/Pad'),
      makeNode('Conv', ['x', 'wide'], ['y'], { kernel_shape: ints(3, 3) }, '/Conv'),
    ],
    [-27, 4],
  ],
];

function padded(amount: 'p' | 'q'): NodeProto {
  return makeNode('Pad', ['x', amount], ['pad'], {}, '/Pad');
}

function pooling(opType: string, attributes: Attributes): NodeProto {
  return makeNode(opType, ['pad'], ['y'], attributes, `/${opType}`);
}

it.each(cases)('%s', async (name, nodes, values) => {
  const around = (amount: number) => [0, 0, amount, amount, 0, 0, amount, amount];
  const initializers = [
    makeTensor('p', 'int64', around(1), [8]),
    makeTensor('q', 'int64', around(2), [8]),
    makeTensor('last_p', 'int64', [0, 1, 1, 0, 0, 1, 1, 0], [8]),
    makeTensor('wider', 'int64', [0, 0, 0, 0, 0, 0, 1, 1], [8]),
    makeTensor('w', 'float32', [1, -1, 2, 3], [1, 1, 2, 2]),
  ].filter(({ name }) => nodes.some(({ input }) => input.includes(name)));
  const graph = makeGraph(
    'one',
    nodes,
    [makeValueInfo('x', 'float32', [1, 1, 3, 4])],
    [makeValueInfo('y', 'float32', [1, 1, 'height', 'width'])],
    initializers,
  );
  const file = join(folder, `${name}.onnx`);
  writeFileSync(file, encodeModel(makeModel(graph)));
  const x = [-1, -2, -3, -4, -5, -6, 5, -8, -9, -10, -11, -12];
  for (const [segmentation, model] of await loadEachWay(() => NNsight.load<Loose>(file, { device: 'cpu' }))) {
    const inputs = { x: [[[x.slice(0, 4), x.slice(4, 8), x.slice(8)]]] };
    const { y } = await model.trace(inputs, () => ({ y: save(model.outputs.y) }));
    expect(y.data.length, segmentation).toBe(values.length);
    [...y.data].forEach((value, i) => {
      expect(value, `${segmentation} ${i}`).toBeCloseTo(values[i]!, 5);
    });
  }
});
