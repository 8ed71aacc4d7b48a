import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import type { Module } from '../../runtime/modules/module.ts';
import { buildTree } from '../../runtime/modules/tree.ts';
import { makeGraph, makeModel, makeTensor, makeValueInfo } from '../../runtime/onnx/make.ts';
import { encodeModel, type NodeProto } from '../../runtime/onnx/proto.ts';
import { RowWiseEnds } from '../../runtime/partition/row-wise.ts';
import { floatInputs, modelOf, type NodeSpec, nodeOf } from '../support/models.ts';
import { fixtureModel } from '../support/run-model.ts';

describe('the end of a model that computes each row by itself', () => {
  it.each([
    ['gpt2', 'ts', 'model.transformer'],
    ['gpt2', 'dynamo', 'model.transformer'],
    ['llama', 'ts', 'model.model.layers.1'],
    ['llama', 'dynamo', 'model.model.layers.1'],
  ] as const)('of %s (%s) begins behind %s', async (name, exporter, path) => {
    const model = await fixtureModel(`zoo/${name}`, exporter);
    const ends = new RowWiseEnds(model, buildTree(model));
    expect(ends.of('output')?.address).toEqual({ path, port: 'output', index: 0, call: 0 });
    expect(ends.entries()).toEqual([ends.of('output')!.entry]);
  });

  it('is none where the model goes on from a tensor, and where no matrix is in it', async () => {
    const gpt2 = await fixtureModel('zoo/gpt2', 'ts');
    const ends = new RowWiseEnds(gpt2, buildTree(gpt2));
    expect(ends.of(ends.entries()[0]!)).toBeNull();
    const mlp = await fixtureModel('zoo/mlp', 'ts');
    expect(new RowWiseEnds(mlp, buildTree(mlp)).entries()).toEqual([]);
  });
});

const WIDTH = 4;
const node = (op: string, input: string[], output: string, attributes: NodeSpec[3] = {}) =>
  nodeOf([op, input, output, attributes]);
const weight = (name: string, dims: number[]) => {
  const count = dims.reduce((a, b) => a * b, 1);
  const elements = Array.from({ length: count }, (_, i) => 0.3 + Math.sin(i));
  return makeTensor(name, 'float32', elements, dims);
};
const integers = (name: string, values: number[]) => makeTensor(name, 'int64', values, [values.length]);

/** A model that does something to the positive `x` [batch, length, 4], and then multiplies by a matrix. */
function model(steps: NodeProto[], last = 'y') {
  const graph = makeGraph(
    'rows',
    [...steps, node('MatMul', [last, 'matrix'], 'output')],
    floatInputs({ x: ['batch', 'length', WIDTH] }),
    [makeValueInfo('output', 'float32')],
    [
      weight('matrix', [WIDTH, 3]),
      weight('square', [WIDTH, WIDTH]),
      weight('vector', [WIDTH]),
      weight('one', [1]),
      weight('rows', [2, 1, WIDTH]),
      weight('batched', [2, WIDTH, WIDTH]),
      integers('last', [-1]),
      integers('middle', [1]),
      integers('both', [-2, -1]),
    ],
  );
  return makeModel(graph, 18);
}

/** The tree of a network whose module `first` gives `x`. */
function tree(): Module {
  const call = { order: 'sure' as const, outputs: ['x'], inputs: [], nodes: [] };
  const common = { className: null, sourceLine: null, list: false, note: null, operations: [] };
  const first: Module = { ...common, path: 'first', name: 'first', children: new Map(), calls: [call] };
  return { ...common, path: '', name: '', children: new Map([['first', first]]), calls: [] };
}

const isFound = (steps: NodeProto[]) => new RowWiseEnds(modelOf(model(steps)), tree()).of('output')?.entry === 'x';

const ROW_WISE: Record<string, NodeProto[]> = {
  nothing: [node('Identity', ['x'], 'y')],
  'a vector for all rows': [node('Add', ['x', 'vector'], 'y')],
  'a number for all rows': [node('Div', ['one', 'x'], 'y')],
  'two ways that meet': [node('Sigmoid', ['x'], 'a'), node('Mul', ['a', 'x'], 'y')],
  'LayerNormalization of rows': [node('LayerNormalization', ['x', 'vector', 'vector'], 'y')],
  'a matrix': [node('MatMul', ['x', 'square'], 'y')],
  'a matrix that is transposed': [
    node('Transpose', ['square'], 'turned', { perm: [1, 0] }),
    node('MatMul', ['x', 'turned'], 'y'),
  ],
  'the mean of rows, and their variance': [
    node('ReduceMean', ['x', 'last'], 'mean'),
    node('Sub', ['x', 'mean'], 'centred'),
    node('Mul', ['centred', 'centred'], 'squares'),
    node('ReduceMean', ['squares', 'last'], 'variance'),
    node('Sqrt', ['variance'], 'deviation'),
    node('Div', ['centred', 'deviation'], 'y'),
  ],
  'Softmax of rows': [node('Softmax', ['x'], 'y', { axis: -1 })],
};

const MIXED: Record<string, NodeProto[]> = {
  'Softmax across rows': [node('Softmax', ['x'], 'y', { axis: 1 })],
  'the mean across rows': [node('ReduceMean', ['x', 'middle'], 'mean'), node('Sub', ['x', 'mean'], 'y')],
  'the mean of all': [node('ReduceMean', ['x'], 'mean'), node('Sub', ['x', 'mean'], 'y')],
  'the mean of a matrix': [node('ReduceMean', ['x', 'both'], 'mean'), node('Sub', ['x', 'mean'], 'y')],
  'the mean without its dimension': [
    node('ReduceMean', ['x', 'last'], 'mean', { keepdims: 0 }),
    node('Identity', ['x'], 'a'),
    node('MatMul', ['mean', 'a'], 'y'),
  ],
  'LayerNormalization of matrices': [node('LayerNormalization', ['x', 'square', 'square'], 'y', { axis: -2 })],
  'LayerNormalization with a scale for each row': [node('LayerNormalization', ['x', 'rows', 'vector'], 'y')],
  'other numbers for each row of the batch': [node('Add', ['x', 'rows'], 'y')],
  'another matrix for each row of the batch': [node('MatMul', ['x', 'batched'], 'y')],
  'a matrix from the left': [node('MatMul', ['square', 'x'], 'y')],
  'a matrix of its own rows': [
    node('Transpose', ['x'], 'turned', { perm: [0, 2, 1] }),
    node('MatMul', ['x', 'turned'], 'a'),
    node('MatMul', ['a', 'x'], 'y'),
  ],
  'a product that sums across rows': [node('CumSum', ['x', 'one'], 'y')],
};

describe('an operator that leaves rows alone', () => {
  it.each(Object.keys(ROW_WISE))('%s: ONNX Runtime gives the same for some rows as for all', async (name) => {
    expect(isFound(ROW_WISE[name]!)).toBe(true);
    const session = await InferenceSession.create(encodeModel(model(ROW_WISE[name]!)), {
      logSeverityLevel: 3,
    });
    const x = Float32Array.from({ length: 2 * 5 * WIDTH }, (_, i) => 1.5 + Math.cos(3 * i));
    const { output: all } = await session.run({ x: new Tensor(x, [2, 5, WIDTH]) });
    const row = 7;
    const { output: some } = await session.run({
      x: new Tensor(x.slice(row * WIDTH, (row + 1) * WIDTH), [1, 1, WIDTH]),
    });
    expect(some!.dims).toEqual([1, 1, 3]);
    const wanted = (all!.data as Float32Array).slice(row * 3, (row + 1) * 3);
    wanted.forEach((value, i) => {
      expect((some!.data as Float32Array)[i]).toBeCloseTo(value, 5);
    });
  });

  it.each(Object.keys(MIXED))('is not %s', (name) => {
    expect(isFound(MIXED[name]!)).toBe(false);
  });
});
