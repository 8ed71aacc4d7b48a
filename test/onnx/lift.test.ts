import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import { lifted } from '../../runtime/onnx/lift.ts';
import { makeGraph, makeModel, makeNode, makeTensor, makeValueInfo } from '../../runtime/onnx/make.ts';
import { changedNode, encodeModel, type ModelProto, type TensorProto } from '../../runtime/onnx/proto.ts';
import { raised } from '../../runtime/onnx/raise.ts';
import { type NodeSpec, nodeOf } from '../support/models.ts';

interface Old {
  readonly opset: number;
  readonly dims: readonly number[];
  readonly nodes: readonly NodeSpec[];
  readonly constants?: readonly TensorProto[];
  /** Whether the file tells how many dimensions the input has. */
  readonly isUnranked?: boolean;
  /** The values of y by hand: ONNX Runtime has no kernels for operator sets before 7. */
  readonly wanted?: readonly number[];
}

const floats = (name: string, values: readonly number[]) => makeTensor(name, 'float32', values, [values.length]);
const ints = (name: string, values: readonly number[]) => makeTensor(name, 'int64', values, [values.length]);

const OLD: Readonly<Record<string, Old>> = {
  'softmax over all that follows': { opset: 11, dims: [2, 3, 4], nodes: [['Softmax', ['x'], 'y']] },
  'softmax over the last dimension': { opset: 11, dims: [2, 3, 4], nodes: [['Softmax', ['x'], 'y', { axis: 2 }]] },
  'softmax of a tensor of unknown rank': {
    opset: 9,
    dims: [2, 3, 4],
    isUnranked: true,
    nodes: [['Softmax', ['x'], 'y', { axis: 2 }]],
  },
  'log softmax of what a reshape made': {
    opset: 12,
    dims: [2, 6],
    nodes: [
      ['Reshape', ['x', 'shape'], 'r'],
      ['LogSoftmax', ['r'], 'y', { axis: 2 }],
    ],
    constants: [ints('shape', [2, 3, 2])],
  },
  hardmax: { opset: 11, dims: [2, 3, 2], nodes: [['Hardmax', ['x'], 'y', { axis: 1 }]] },
  'a slice without axes': { opset: 9, dims: [4, 5], nodes: [['Slice', ['x'], 'y', { starts: [1, 0], ends: [3, -1] }]] },
  'a slice along one axis': {
    opset: 7,
    dims: [4, 5],
    nodes: [['Slice', ['x'], 'y', { starts: [1], ends: [9], axes: [1] }]],
  },
  'clip with one bound': { opset: 9, dims: [6], nodes: [['Clip', ['x'], 'y', { max: { float: 0.5 } }]] },
  pad: { opset: 9, dims: [2, 3], nodes: [['Pad', ['x'], 'y', { pads: [0, 1, 1, 0], value: { float: 7 } }]] },
  'pad by reflection': {
    opset: 8,
    dims: [1, 4],
    nodes: [['Pad', ['x'], 'y', { pads: [0, 1, 0, 2], mode: 'reflect' }]],
  },
  'top k': { opset: 9, dims: [2, 5], nodes: [['TopK', ['x'], 'y', { k: 2 }]] },
  'reduce sum': { opset: 11, dims: [2, 3], nodes: [['ReduceSum', ['x'], 'y', { axes: [1], keepdims: 0 }]] },
  'reduce sum of all': { opset: 11, dims: [2, 3], nodes: [['ReduceSum', ['x'], 'y']] },
  squeezes: {
    opset: 11,
    dims: [1, 3, 1],
    nodes: [
      ['Squeeze', ['x'], 's', { axes: [0] }],
      ['Unsqueeze', ['s'], 'u', { axes: [0, 3] }],
      ['Squeeze', ['u'], 'y'],
    ],
  },
  'split with sizes': { opset: 11, dims: [5], nodes: [['Split', ['x'], 'y', { split: [5] }]] },
  'upsample by an attribute': {
    opset: 7,
    dims: [1, 1, 2, 2],
    nodes: [['Upsample', ['x'], 'y', { scales: { floats: [1, 1, 2, 3] }, mode: 'nearest' }]],
  },
  'upsample by an input, linear': {
    opset: 9,
    dims: [1, 1, 2, 3],
    nodes: [['Upsample', ['x', 'scales'], 'y', { mode: 'linear' }]],
    constants: [floats('scales', [1, 1, 2, 2.5])],
  },
  'resize to less': {
    opset: 10,
    dims: [1, 1, 5, 5],
    nodes: [['Resize', ['x', 'scales'], 'y', { mode: 'nearest' }]],
    constants: [floats('scales', [1, 1, 0.6, 0.6])],
  },
  dropout: { opset: 10, dims: [4], nodes: [['Dropout', ['x'], 'y', { ratio: { float: 0.5 } }]] },
  'batch norm': {
    opset: 7,
    dims: [1, 2, 3],
    nodes: [['BatchNormalization', ['x', 'a', 'b', 'm', 'v'], 'y', { spatial: 1, epsilon: { float: 0.01 } }]],
    constants: [floats('a', [1, 2]), floats('b', [3, 4]), floats('m', [0.1, 0.2]), floats('v', [1, 0.5])],
  },
  scatter: {
    opset: 9,
    dims: [4],
    nodes: [['Scatter', ['x', 'at', 'given'], 'y']],
    constants: [ints('at', [2]), floats('given', [9])],
  },
  'addition along a dimension': {
    opset: 6,
    dims: [1, 2, 2],
    nodes: [['Add', ['x', 'b'], 'y', { broadcast: 1, axis: 1 }]],
    constants: [floats('b', [10, 20])],
    wanted: [9, 10.5, 22, 23.5],
  },
  'slopes of channels': {
    opset: 6,
    dims: [1, 2, 2],
    nodes: [['PRelu', ['x', 'b'], 'y']],
    constants: [floats('b', [10, 20])],
    wanted: [-10, 0.5, 2, 3.5],
  },
};

/** -1, 0.5, 2, 3.5, … */
const data = (dims: readonly number[]) =>
  Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => i * 1.5 - 1);

function oldModel({ opset, dims, nodes, constants = [], isUnranked }: Old): ModelProto {
  const made = nodes.map(nodeOf);
  const last = made.at(-1)!;
  if (last.opType === 'TopK') last.output.push('indices');
  const x = makeValueInfo('x', 'float32', isUnranked ? null : dims);
  return makeModel(makeGraph('', made, [x], [makeValueInfo('y', 'float32')], constants), opset);
}

async function run(proto: ModelProto, dims: readonly number[]) {
  const session = await InferenceSession.create(encodeModel(proto), { logSeverityLevel: 4 });
  const { y } = await session.run({ x: new OrtTensor('float32', data(dims), dims) });
  await session.release();
  return { dims: y!.dims, data: [...(y!.data as Float32Array)] };
}

describe('a model of an old operator set gives the same in a new one', () => {
  test.each(Object.entries(OLD))('%s', async (_, old) => {
    const proto = oldModel(old);
    const now = lifted(proto, 'old.onnx');
    expect(now.opsetImport.map(({ version }) => Number(version))).toEqual([13]);
    const result = await run(now, old.dims);
    if (old.wanted) expect(result.data).toEqual(old.wanted);
    else expect(result).toEqual(await run(proto, old.dims));
  });

  test('in the branches of an If, too', async () => {
    const branch = (axis: number) =>
      makeGraph(
        'branch',
        [makeNode('ReduceSum', ['x'], ['r'], { axes: { ints: [axis] } })],
        [],
        [makeValueInfo('r', 'float32')],
      );
    const node = makeNode('If', ['yes'], ['y'], {
      then_branch: { graph: branch(0) },
      else_branch: { graph: branch(1) },
    });
    const yes = makeTensor('yes', 'bool', [1], []);
    const graph = makeGraph(
      '',
      [node],
      [makeValueInfo('x', 'float32', [2, 3])],
      [makeValueInfo('y', 'float32')],
      [yes],
    );
    const proto = makeModel(graph, 11);
    expect(await run(lifted(proto, 'old.onnx'), [2, 3])).toEqual(await run(proto, [2, 3]));
  });

  test.each([[[0]], [[1]]])('a scan of a batch of sequences, in the direction %s', async (directions) => {
    const body = makeGraph(
      'body',
      [makeNode('Add', ['sum', 'next'], ['more']), makeNode('Mul', ['more', 'next'], ['each'])],
      [makeValueInfo('sum', 'float32', [2]), makeValueInfo('next', 'float32', [2])],
      [makeValueInfo('more', 'float32', [2]), makeValueInfo('each', 'float32', [2])],
    );
    const attributes = { body: { graph: body }, num_scan_inputs: { int: 1 }, directions: { ints: directions } };
    const graph = makeGraph(
      '',
      [
        makeNode('Scan', ['', 'start', 'x'], ['last', 'all'], attributes),
        makeNode('Reshape', ['all', 'sizes'], ['flat']),
        makeNode('Concat', ['last', 'flat'], ['y'], { axis: { int: 1 } }),
      ],
      [makeValueInfo('x', 'float32', [3, 4, 2])],
      [makeValueInfo('y', 'float32')],
      [makeTensor('start', 'float32', [1, 2, 3, 4, 5, 6], [3, 2]), ints('sizes', [3, 8])],
    );
    const proto = makeModel(graph, 8);
    expect(await run(lifted(proto, 'old.onnx'), [3, 4, 2])).toEqual(await run(proto, [3, 4, 2]));
  });

  test('a softmax along the last of known dimensions stays one node, which is what an attention pattern is read from', () => {
    const nodesOf = (old: Old) => lifted(oldModel(old), 'old.onnx').graph!.node.map(({ opType }) => opType);
    expect(nodesOf(OLD['softmax over the last dimension']!)).toEqual(['Softmax']);
    expect(nodesOf(OLD['log softmax of what a reshape made']!)).toEqual(['Reshape', 'LogSoftmax']);
    expect(nodesOf(OLD['softmax of a tensor of unknown rank']!)).toEqual(['Shape', 'Flatten', 'Softmax', 'Reshape']);
  });

  test('weights that an old file lists among its inputs are constants', () => {
    const graph = makeGraph(
      '',
      [makeNode('Add', ['x', 'w'], ['y'])],
      [makeValueInfo('x', 'float32', [1]), makeValueInfo('w', 'float32', [1])],
      [makeValueInfo('y', 'float32')],
      [floats('w', [1])],
    );
    const { irVersion, graph: now } = lifted({ ...makeModel(graph, 8), irVersion: 3n }, 'old.onnx');
    expect([irVersion, now!.input.map(({ name }) => name)]).toEqual([7n, ['x']]);
  });
});

const RAISED: Readonly<Record<string, Old>> = {
  'mean along an axis': { opset: 13, dims: [2, 3], nodes: [['ReduceMean', ['x'], 'y', { axes: [1], keepdims: 0 }]] },
  'maximum of all': { opset: 17, dims: [2, 3], nodes: [['ReduceMax', ['x'], 'y']] },
  'sum, whose axes are an input already': {
    opset: 13,
    dims: [2, 3],
    nodes: [['ReduceSum', ['x', 'axes'], 'y']],
    constants: [ints('axes', [0])],
  },
  'a split in equal parts': { opset: 13, dims: [4], nodes: [['Split', ['x'], 'y']] },
  'a grid sample': {
    opset: 16,
    dims: [1, 1, 2, 2],
    nodes: [['GridSample', ['x', 'grid'], 'y']],
    constants: [makeTensor('grid', 'float32', [0.1, 0.2, -0.3, 0.4], [1, 1, 2, 2])],
  },
  'a region of interest': {
    opset: 13,
    dims: [1, 1, 4, 4],
    nodes: [['RoiAlign', ['x', 'rois', 'of'], 'y', { output_height: 2, output_width: 2 }]],
    constants: [makeTensor('rois', 'float32', [0, 0, 2, 2], [1, 4]), ints('of', [0])],
  },
  'batch norm': { ...OLD['batch norm']!, opset: 13, nodes: [['BatchNormalization', ['x', 'a', 'b', 'm', 'v'], 'y']] },
};

describe('a model gives the same in a later operator set', () => {
  test.each(Object.entries(RAISED))('%s', async (_, old) => {
    const proto = oldModel(old);
    const now = raised(proto, 21, 'old.onnx');
    expect(now.opsetImport.map(({ version }) => Number(version))).toEqual([21]);
    expect(await run(now, old.dims)).toEqual(await run(proto, old.dims));
  });

  test('or it says that it cannot', () => {
    const old = oldModel({ opset: 18, dims: [1], nodes: [['GroupNormalization', ['x'], 'y']] });
    expect(() => raised(old, 21, 'old.onnx')).toThrow(
      /its node y \(GroupNormalization of operator set 18\) means something else.*opset_version=21/,
    );
    expect(raised(old, 20, 'old.onnx').graph!.node).toEqual(old.graph!.node);
  });
});

test.each<[string, Old, RegExp]>([
  [
    'a batch normalization of each position',
    { opset: 7, dims: [1], nodes: [['BatchNormalization', ['x'], 'y', { spatial: 0 }]] },
    /its node y \(BatchNormalization of operator set 7\) normalizes each position by itself/,
  ],
  [
    'a scan of a batch of sequences of several lengths',
    { opset: 8, dims: [1], nodes: [['Scan', ['x', 'x'], 'y']] },
    /its node y \(Scan of operator set 8\) goes through a batch of sequences, each as far as it is told to/,
  ],
  [
    'scales that are computed',
    { opset: 10, dims: [1], nodes: [['Resize', ['x', 'x'], 'y']] },
    /its node y \(Resize of operator set 10\) computes its scales/,
  ],
])('what has no form there is an error that names the node: %s', (_, old, message) => {
  expect(() => lifted(oldModel(old), 'old.onnx')).toThrow(message);
});

test('a mask of a dropout is an error where something reads it: before operator set 12 it is that of training', () => {
  const old = oldModel({
    opset: 10,
    dims: [1],
    nodes: [
      ['Dropout', ['x'], 'd'],
      ['Relu', ['d'], 'y'],
    ],
  });
  const withMask = (read: string) => {
    const [dropout, relu] = old.graph!.node;
    const node = [changedNode(dropout!, { output: ['d', 'mask'] }), changedNode(relu!, { input: [read] })];
    return { ...old, graph: { ...old.graph!, node } };
  };
  expect(lifted(withMask('d'), 'old.onnx').graph!.node).toHaveLength(2);
  expect(() => lifted(withMask('mask'), 'old.onnx')).toThrow(
    /its node d \(Dropout of operator set 10\) gives the mask mask, which is used/,
  );
});
