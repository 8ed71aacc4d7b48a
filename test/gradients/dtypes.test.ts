import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { backward, NNsight, Parameter, save, square, sum, type Tensor } from 'onnsight';
import { expect, it } from 'vitest';
import { makeGraph, makeModel, makeNode, makeTensor, makeValueInfo } from '../../runtime/onnx/make.ts';
import { encodeModel } from '../../runtime/onnx/proto.ts';

type Float = 'float16' | 'float32' | 'float64';

/** softmax(tanh(x · w + b)) */
const [W, B] = [
  [
    [0.1, 0.2],
    [-0.3, 0.4],
  ],
  [0.5, -0.5],
];
const X = [
  [1, 2],
  [3, -1],
];
const V = [0.5, 0.25];

function modelOf(dtype: Float) {
  const nodes = [
    makeNode('MatMul', ['x', 'w'], ['a'], {}, '/first/MatMul'),
    makeNode('Add', ['a', 'b'], ['c'], {}, '/first/Add'),
    makeNode('Tanh', ['c'], ['y'], {}, '/act/Tanh'),
    makeNode('Softmax', ['y'], ['z'], { axis: { int: -1 } }, '/last/Softmax'),
  ];
  const weights = [makeTensor('w', dtype, W.flat(), [2, 2]), makeTensor('b', dtype, B, [2])];
  const [x, z] = ['x', 'z'].map((name) => makeValueInfo(name, dtype, [null, 2]));
  const path = join(mkdtempSync(join(tmpdir(), 'onnsight-')), `${dtype}.onnx`);
  writeFileSync(path, encodeModel(makeModel(makeGraph('g', nodes, [x!], [z!], weights), 17)));
  return NNsight.load(path, { device: 'cpu' });
}

/** The sum of the cubes of what the model gives, with a vector added behind the first module, in plain JavaScript. */
function lossOf(x: readonly (readonly number[])[], vector: readonly number[]): number {
  return x
    .map((row) => {
      const y = B.map((bias, j) => Math.tanh(row[0]! * W[0]![j]! + row[1]! * W[1]![j]! + bias + vector[j]!));
      const total = y.reduce((sum, value) => sum + Math.exp(value), 0);
      return y.reduce((sum, value) => sum + (Math.exp(value) / total) ** 3, 0);
    })
    .reduce((a, b) => a + b, 0);
}

const STEP = 1e-5;
const slope = (along: (step: number) => number) => (along(STEP) - along(-STEP)) / (2 * STEP);
const moved = (values: readonly number[], i: number, step: number) => values.map((v, k) => (k === i ? v + step : v));

it.each<[Float, number]>([
  ['float16', 2e-3],
  ['float32', 1e-6],
  ['float64', 1e-8],
])('gradients of a model of %s are of that dtype', async (dtype, tolerance) => {
  const model = await modelOf(dtype);
  const vector = new Parameter(V, dtype as 'float32');
  const { byInput, byModule } = await model.trace({ x: X }, () => {
    model.first.output += vector;
    backward(sum(square(model.last.output) * model.last.output));
    return {
      byInput: save(model.inputs.x.grad),
      byModule: save(sum(model.first.output.grad, 0)),
    };
  });
  const expectNear = ({ dtype: own, data }: Tensor, expected: readonly number[]) => {
    expect(own).toBe(dtype);
    expected.forEach((value, i) => {
      expect(Math.abs(Number(data[i]) - value)).toBeLessThan(tolerance);
    });
  };
  const byVector = V.map((_, i) => slope((step) => lossOf(X, moved(V, i, step))));
  expectNear(
    byInput,
    X.flatMap((row, r) => row.map((_, i) => slope((step) => lossOf(X.with(r, moved(row, i, step)), V)))),
  );
  expectNear(byModule, byVector);
  expectNear(vector.grad!, byVector);
});
