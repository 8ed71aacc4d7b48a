import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Loose, NNsight, save } from 'onnsight';
import { afterAll, describe, expect, it } from 'vitest';
import { makeGraph, makeModel, makeNode, makeTensor, makeValueInfo } from '../../runtime/onnx/make.ts';
import { encodeModel, type NodeProto } from '../../runtime/onnx/proto.ts';

const folder = mkdtempSync(join(tmpdir(), 'onnsight-loops-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** What a loop does in each iteration with what it carries: `state` becomes `next`. */
const body = (nodes: readonly NodeProto[]) =>
  makeGraph(
    'body',
    [makeNode('Identity', ['go'], ['still']), ...nodes],
    [makeValueInfo('i', 'int64', []), makeValueInfo('go', 'bool', []), makeValueInfo('state', 'float32')],
    [makeValueInfo('still', 'bool'), makeValueInfo('next', 'float32'), makeValueInfo('row', 'float32')],
  );

const doubling = [makeNode('Add', ['state', 'state'], ['next']), makeNode('Identity', ['next'], ['row'])];
const growing = [makeNode('Unsqueeze', ['state', 'front'], ['next']), makeNode('Identity', ['one'], ['row'])];

/** `x` of [2, 3], a loop node of three iterations over it, and what follows the loop. */
async function loopModel(name: string, iteration: readonly NodeProto[], condition: string): Promise<Loose> {
  const nodes = [
    makeNode('Less', ['none', 'one'], ['computed'], {}, '/Less'),
    makeNode('Loop', ['three', condition, 'x'], ['carried', 'rows'], { body: { graph: body(iteration) } }, '/Loop'),
    makeNode('Relu', ['carried'], ['relu'], {}, '/Relu'),
    makeNode('Neg', ['relu'], ['y'], {}, '/Neg'),
  ];
  const constants = [
    makeTensor('three', 'int64', [3], []),
    makeTensor('true', 'bool', [1], []),
    makeTensor('front', 'int64', [0], [1]),
    makeTensor('none', 'float32', [0], []),
    makeTensor('one', 'float32', [1], []),
  ];
  const graph = makeGraph(
    name,
    nodes,
    [makeValueInfo('x', 'float32', [2, 3])],
    [makeValueInfo('y', 'float32')],
    constants,
  );
  const path = join(folder, `${name}.onnx`);
  writeFileSync(path, encodeModel(makeModel(graph, 17)));
  return NNsight.load<Loose>(path, { device: 'cpu' });
}

const inputs = {
  x: [
    [1, 2, 3],
    [4, 5, 6],
  ],
};

describe.each(['true', 'computed'])('a loop node of the model whose condition is %s', (condition) => {
  it('carries a tensor of as many dimensions as it has', async () => {
    const model = await loopModel(`doubling-${condition}`, doubling, condition);
    const found = await model.trace(inputs, () => {
      const carried = model.ops.Loop.outputs[0];
      return [carried.sum(0), carried.mean(-1), carried[1], model.ops.Relu.output.sum(0), model.output.sum(0)].map(
        (one) => save(one),
      );
    });
    expect(found.map((one: { toArray(): unknown }) => one.toArray())).toEqual([
      [40, 56, 72],
      [16, 40],
      [32, 40, 48],
      [40, 56, 72],
      [-40, -56, -72],
    ]);
  });

  it('scans rows', async () => {
    const model = await loopModel(`scan-${condition}`, doubling, condition);
    const rows = await model.trace(inputs, () => save(model.ops.Loop.outputs[1].sum(0)));
    expect(rows.toArray()).toEqual([
      [14, 28, 42],
      [56, 70, 84],
    ]);
  });

  it('may carry one that gets more dimensions', async () => {
    const model = await loopModel(`growing-${condition}`, growing, condition);
    const [carried, relu] = await model.trace(inputs, () => [
      save(model.ops.Loop.outputs[0].sum(0)),
      save(model.ops.Relu.output.sum(3)),
    ]);
    expect(carried.dims).toEqual([1, 1, 2, 3]);
    expect(relu.dims).toEqual([1, 1, 1, 3]);
    expect(Array.from(relu.data)).toEqual([5, 7, 9]);
  });
});
