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
 * ONNX Runtime 1.30 makes a `Slice` of a `Gather` by a `Range`, and takes the range away though it is an output: reading
 * that ended the process (positions of Marian's and Pegasus' decoders, at which a model is cut).
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
