import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { backward, type DType, intervention, type Loose, NNsight, save } from 'onnsight';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, expect, it } from 'vitest';
import { elementType } from '../../runtime/onnx/dtypes.ts';
import { makeGraph, makeModel, makeNode, makeTensor, makeValueInfo } from '../../runtime/onnx/make.ts';
import { encodeModel } from '../../runtime/onnx/proto.ts';
import { compileTo } from '../bundle/support/build.ts';
import { loadEachWay } from './ways.ts';

/*
 * ONNX Runtime 1.30 joins some operators although what the first makes is an output: a `Range` with a `Gather` (positions of
 * Marian's and Pegasus' decoders), a `Mul` with those behind it to a GELU (Bloom's), a `Cast` with a `Transpose` and a `MatMul`
 * (Mamba's). Reading that ended the process.
 */

const folder = mkdtempSync(join(tmpdir(), 'onnsight-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Positions are added to what comes in: row i of the table is [i, 10 i]. */
const nodes = [
  makeNode('Shape', ['x'], ['shape'], {}, '/Shape'),
  makeNode('Gather', ['shape', 'zero'], ['rows'], {}, '/Gather'),
  makeNode('Range', ['zero', 'rows', 'one'], ['places'], {}, '/Range'),
  makeNode('Gather', ['positions.weight', 'places'], ['taken'], {}, '/positions/Gather'),
  makeNode('Add', ['x', 'taken'], ['y'], {}, '/Add'),
];
const table = Array.from({ length: 8 }, (_, i) => [i, 10 * i]).flat();
const weights = [
  makeTensor('zero', 'int64', [0], []),
  makeTensor('one', 'int64', [1], []),
  makeTensor('positions.weight', 'float32', table, [8, 2]),
];
const info = (name: string) => makeValueInfo(name, 'float32', ['n', 2]);
const path = join(folder, 'model.onnx');
writeFileSync(path, encodeModel(makeModel(makeGraph('positions', nodes, [info('x')], [info('y')], weights))));

const x = [
  [1, 1],
  [2, 2],
  [3, 3],
];
const read = (model: Loose) => ({
  places: save(model.ops.Range.output),
  taken: save(model.positions.output),
  y: save(model.output),
});

it('a range that a table is read by is given as it is, however the model is cut', async () => {
  for (const [segmentation, model] of await loadEachWay(() => NNsight.load<Loose>(path, { device: 'cpu' }))) {
    const { places, taken, y } = await model.trace({ x }, () => ({
      places: save(model.ops.Range.output),
      taken: save(model.positions.output),
      y: save(model.output),
    }));
    expect(
      [places, taken, y].map(({ data }) => Array.from(data, Number)),
      segmentation,
    ).toEqual([
      [0, 1, 2],
      [0, 0, 1, 10, 2, 20],
      [1, 1, 3, 12, 5, 23],
    ]);
  }
});

it('and by a bundle, in any host', async () => {
  const folder = await compileTo(intervention({}, read), { model: path });
  const session = await InferenceSession.create(join(folder, 'steer.onnx'));
  const { places } = await session.run({ x: new Tensor('float32', x.flat(), [3, 2]) });
  expect(Array.from(places!.data as BigInt64Array, Number)).toEqual([0, 1, 2]);
});

const [half, rate, cubic] = [0.5, 0.79788456, 0.044715];
const gelu = [
  makeNode('Mul', ['x', 'rate'], ['t0'], {}, '/gelu/Mul'),
  makeNode('Mul', ['x', 'cubic'], ['t1'], {}, '/gelu/Mul_1'),
  makeNode('Mul', ['t1', 'x'], ['t2'], {}, '/gelu/Mul_2'),
  makeNode('Add', ['t2', 'unit'], ['t3'], {}, '/gelu/Add'),
  makeNode('Mul', ['t0', 't3'], ['t4'], {}, '/gelu/Mul_3'),
  makeNode('Tanh', ['t4'], ['t5'], {}, '/gelu/Tanh'),
  makeNode('Add', ['t5', 'unit'], ['t6'], {}, '/gelu/Add_1'),
  makeNode('Mul', ['x', 'half'], ['t7'], {}, '/gelu/Mul_4'),
  makeNode('Mul', ['t7', 't6'], ['y'], {}, '/gelu/Mul_5'),
];
const geluPath = join(folder, 'gelu.onnx');
const numbers = Object.entries({ half, rate, cubic, unit: 1 }).map(([name, value]) =>
  makeTensor(name, 'float32', [value], []),
);
writeFileSync(geluPath, encodeModel(makeModel(makeGraph('gelu', gelu, [info('x')], [info('y')], numbers))));

it('a part of a GELU is given beside what comes out of it, and so is its gradient', async () => {
  const value = 1.5;
  const plain = (v: number) => half * v * (1 + Math.tanh(rate * v * (1 + cubic * v * v)));
  for (const [segmentation, model] of await loadEachWay(() => NNsight.load<Loose>(geluPath, { device: 'cpu' }))) {
    for (let time = 0; time < 7; time++) {
      const { halved, curved, y, gradient } = await model.trace({ x: [[value, value]] }, () => {
        backward(model.output.sum());
        return {
          halved: save(model.gelu.ops.Mul_4.output),
          curved: save(model.gelu.ops.Mul_1.output),
          y: save(model.output),
          gradient: save(model.gelu.ops.Mul_4.output.grad),
        };
      });
      expect(halved.data[0], segmentation).toBeCloseTo(half * value, 6);
      expect(curved.data[0], segmentation).toBeCloseTo(cubic * value, 6);
      expect(y.data[0], segmentation).toBeCloseTo(plain(value), 5);
      expect(gradient.data[0], segmentation).toBeCloseTo(plain(value) / (half * value), 5);
    }
  }
});

/** The GELU with an addition behind it, without which ONNX Runtime leaves it as it is. */
const behind = [...gelu, makeNode('Add', ['y', 'unit'], ['z'], {}, '/behind/Add')];
const behindPath = join(folder, 'behind.onnx');
writeFileSync(behindPath, encodeModel(makeModel(makeGraph('behind', behind, [info('x')], [info('z')], numbers))));

it('the half of what goes into a GELU is read, and others read it, too', async () => {
  for (const [segmentation, model] of await loadEachWay(() => NNsight.load<Loose>(behindPath, { device: 'cpu' }))) {
    for (let time = 0; time < 7; time++) {
      const { halved, z } = await model.trace({ x: [[1.5, -3]] }, () => ({
        halved: save(model.gelu.ops.Mul_4.output),
        z: save(model.output),
      }));
      const { twice, other } = await model.trace({ x: [[1.5, -3]] }, () => ({
        twice: save(model.gelu.ops.Mul_4.output * 4),
        other: save(model.output),
      }));
      expect([...halved.data], segmentation).toEqual([0.75, -1.5]);
      expect([...twice.data], segmentation).toEqual([3, -6]);
      expect([...other.data], segmentation).toEqual([...z.data]);
    }
  }
});

it('in a bundle, too', async () => {
  const made = await compileTo(
    intervention({}, (model: Loose) => ({ twice: save(model.gelu.ops.Mul_4.output * 4), z: save(model.output) })),
    { model: behindPath },
  );
  const session = await InferenceSession.create(join(made, 'steer.onnx'));
  const { twice } = await session.run({ x: new Tensor('float32', [1.5, -3], [1, 2]) });
  expect(Array.from(twice!.data as Float32Array)).toEqual([3, -6]);
});

const turned = [
  makeNode('Transpose', ['x'], ['turned'], { perm: { ints: [1, 0] } }, '/Transpose'),
  makeNode('Cast', ['turned'], ['cast'], { to: { int: elementType('float32') } }, '/Cast'),
  makeNode('MatMul', ['cast', 'matrix'], ['y'], {}, '/MatMul'),
];
const turnedPath = join(folder, 'turned.onnx');
const matrix = makeTensor('matrix', 'float32', [1, 2, 3, 4, 5, 6], [3, 2]);
const [given, made] = [makeValueInfo('x', 'float32', [3, 'n']), makeValueInfo('y', 'float32', ['n', 2])];
writeFileSync(turnedPath, encodeModel(makeModel(makeGraph('turned', turned, [given], [made], [matrix]))));

it('a cast between a transposition and a product is given beside the product', async () => {
  for (const [segmentation, model] of await loadEachWay(() => NNsight.load<Loose>(turnedPath, { device: 'cpu' }))) {
    const { cast, y } = await model.trace(
      {
        x: [
          [1, 2],
          [3, 4],
          [5, 6],
        ],
      },
      () => ({
        cast: save(model.ops.Cast.output),
        y: save(model.output),
      }),
    );
    expect(cast.toArray(), segmentation).toEqual([
      [1, 3, 5],
      [2, 4, 6],
    ]);
    expect(y.toArray(), segmentation).toEqual([
      [35, 44],
      [44, 56],
    ]);
  }
});

/** A norm as PyTorch exports one that computes in float32 within halves: its weights are halves. */
const number = (name: string, value: number, dtype: DType = 'float32') => makeTensor(name, dtype, [value], []);
const norm = [
  makeNode('Cast', ['x'], ['cast'], { to: { int: elementType('float32') } }, '/Cast'),
  makeNode('ReduceMean', ['cast'], ['mean'], { axes: { ints: [-1] } }, '/ReduceMean'),
  makeNode('Sub', ['cast', 'mean'], ['centred'], {}, '/Sub'),
  makeNode('Pow', ['centred', 'two'], ['squares'], {}, '/Pow'),
  makeNode('ReduceMean', ['squares'], ['variance'], { axes: { ints: [-1] } }, '/ReduceMean_1'),
  makeNode('Add', ['variance', 'epsilon'], ['kept'], {}, '/Add'),
  makeNode('Sqrt', ['kept'], ['root'], {}, '/Sqrt'),
  makeNode('Div', ['centred', 'root'], ['normed'], {}, '/Div'),
  makeNode('Cast', ['normed'], ['rounded'], { to: { int: elementType('float16') } }, '/Cast_1'),
  makeNode('Mul', ['rounded', 'weight'], ['scaled'], {}, '/Mul'),
  makeNode('Add', ['scaled', 'bias'], ['y'], {}, '/Add_1'),
];
const normPath = join(folder, 'norm.onnx');
const halves = (name: string) => makeValueInfo(name, 'float16', ['n', 2]);
const normWeights = [
  ...[number('two', 2), number('epsilon', 0)],
  makeTensor('weight', 'float16', [2, 3], [2]),
  makeTensor('bias', 'float16', [0.5, 1], [2]),
];
writeFileSync(normPath, encodeModel(makeModel(makeGraph('norm', norm, [halves('x')], [halves('y')], normWeights))));

it('a cast in front of a norm of halves is given beside the norm', async () => {
  for (const [segmentation, model] of await loadEachWay(() => NNsight.load<Loose>(normPath, { device: 'cpu' }))) {
    const { cast, y } = await model.trace({ x: [[1, 3]] }, () => ({
      cast: save(model.ops.Cast.output),
      y: save(model.output),
    }));
    expect([...cast.data], segmentation).toEqual([1, 3]);
    expect([...y.data], segmentation).toEqual([-1.5, 4]);
  }
});
