import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Loose, matmul, NNsight, save } from 'onnsight';
import { afterAll, describe, expect, it } from 'vitest';
import { makeGraph, makeModel, makeNode, makeValueInfo } from '../../runtime/onnx/make.ts';
import { encodeModel } from '../../runtime/onnx/proto.ts';

const folder = mkdtempSync(join(tmpdir(), 'onnsight-ranks-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** `a` of two dimensions, and `b` in a shape of which an input tells which sizes are kept: how many dimensions it has only the run knows. */
async function load(): Promise<Loose> {
  const nodes = [
    makeNode('Neg', ['a'], ['minus'], {}, '/Neg'),
    makeNode('Compress', ['sizes', 'kept'], ['shape'], { axis: { int: 0 } }, '/Compress'),
    makeNode('Reshape', ['b', 'shape'], ['free'], {}, '/Reshape'),
    makeNode('Relu', ['free'], ['y'], {}, '/Relu'),
  ];
  const inputs = [
    makeValueInfo('a', 'float32', ['n', 'm']),
    makeValueInfo('b', 'float32', ['k']),
    makeValueInfo('sizes', 'int64', [3]),
    makeValueInfo('kept', 'bool', [3]),
  ];
  const graph = makeGraph('ranks', nodes, inputs, [makeValueInfo('minus', 'float32'), makeValueInfo('y', 'float32')]);
  const path = join(folder, 'ranks.onnx');
  writeFileSync(path, encodeModel(makeModel(graph, 17)));
  return NNsight.load<Loose>(path, { device: 'cpu' });
}

const model = await load();
const a = [
  [-1, -2, -3],
  [-4, -5, -6],
];
const given = (b: readonly number[], shape: readonly number[]) => ({
  a,
  b: [...b],
  sizes: BigInt64Array.from([...shape, 1, 1, 1].slice(0, 3), BigInt),
  kept: [0, 1, 2].map((i) => i < shape.length),
});

describe('a matrix product with a tensor of which only the run knows how many dimensions it has', () => {
  it('that turns out to be a vector, behind a transposed matrix', async () => {
    const found = await model.trace(given([1, 10], [2]), () =>
      save(matmul(model.ops.Neg.output.t(), model.ops.Reshape.output)),
    );
    expect(found.toArray()).toEqual([41, 52, 63]);
  });

  it('that turns out to be a vector, before a transposed matrix', async () => {
    const found = await model.trace(given([1, 10, 100], [3]), () =>
      save(matmul(model.ops.Reshape.output, model.ops.Neg.output.t())),
    );
    expect(found.toArray()).toEqual([321, 654]);
  });

  it('that turns out to be a matrix, or several', async () => {
    const one = await model.trace(given([1, 10, 2, 20], [2, 2]), () =>
      save(matmul(model.ops.Reshape.output, model.ops.Neg.output)),
    );
    expect(one.toArray()).toEqual([
      [41, 52, 63],
      [82, 104, 126],
    ]);
    const several = await model.trace(given([1, 10, 2, 20], [2, 2, 1]), () =>
      save(matmul(model.ops.Neg.output.t(), model.ops.Reshape.output)),
    );
    expect(several.toArray()).toEqual([
      [[41], [52], [63]],
      [[82], [104], [126]],
    ]);
  });

  it('two of them', async () => {
    const dot = await model.trace(given([1, 10], [2]), () =>
      save(matmul(model.ops.Reshape.output, model.ops.Relu.output)),
    );
    expect([dot.dims, dot.item()]).toEqual([[], 101]);
  });

  it('that turns out to be a number fails the run', async () => {
    const run = model.trace(given([1], []), () => save(matmul(model.ops.Neg.output, model.ops.Reshape.output)));
    await expect(run).rejects.toThrow(/unknown-ranks\.test\.ts:\d+:\d+ - The model could not run/);
  });
});
