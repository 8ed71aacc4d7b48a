import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { backward, mul, NNsight, save, sum, Tensor } from 'onnsight';
import { expect, it } from 'vitest';
import { makeGraph, makeModel, makeNode, makeTensor, makeValueInfo } from '../../runtime/onnx/make.ts';
import { encodeModel, type NodeProto } from '../../runtime/onnx/proto.ts';
import { loadEachWay } from '../execution/ways.ts';

/*
 * As SegFormer has it: one module computes shapes, which nothing declares, and another one reshapes and resizes by them. Here
 * a row of two is scaled, and made four by linear interpolation: [a, 3/4 a + 1/4 b, 1/4 a + 3/4 b, b].
 */
const SCALE = [2, -3];
const COEFFICIENTS = [1, 2, -4, 8];

function model(): Uint8Array {
  const of = (module: string, node: NodeProto, i: number): NodeProto => ({
    ...node,
    name: `/${module}/${node.opType}_${i}`,
  });
  const int = (name: string, ...values: number[]) => makeTensor(name, 'int64', values, [values.length]);
  const first = [
    makeNode('Mul', ['x', 'layers.0.scale'], ['h']),
    makeNode('Shape', ['x'], ['shape of x']),
    makeNode('Slice', ['shape of x', 'zero', 'one'], ['rows']),
    makeNode('Slice', ['shape of x', 'one', 'two'], ['columns']),
    makeNode('Concat', ['rows', 'one', 'one', 'columns'], ['four dims'], { axis: { int: 0 } }),
    makeNode('Mul', ['columns', 'two'], ['more columns']),
    makeNode('Concat', ['one', 'more columns'], ['last sizes'], { axis: { int: 0 } }),
  ].map((node, i) => of('layers.0', node, i));
  const second = [
    makeNode('Reshape', ['h', 'four dims'], ['image']),
    makeNode('Shape', ['image'], ['shape of image']),
    makeNode('Slice', ['shape of image', 'zero', 'two'], ['first sizes']),
    makeNode('Concat', ['first sizes', 'last sizes'], ['sizes'], { axis: { int: 0 } }),
    makeNode('Resize', ['image', '', '', 'sizes'], ['y'], { mode: { string: 'linear' } }),
  ].map((node, i) => of('layers.1', node, i));
  const weights = [makeTensor('layers.0.scale', 'float32', SCALE, [2]), int('zero', 0), int('one', 1), int('two', 2)];
  const inputs = [makeValueInfo('x', 'float32', ['batch', 'width'])];
  return encodeModel(
    makeModel(makeGraph('g', [...first, ...second], inputs, [makeValueInfo('y', 'float32')], weights), 17),
  );
}

it('go through a Resize whose sizes another part of the model computes, however the model is cut', async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'onnsight-')), 'model.onnx');
  writeFileSync(path, model());
  const [c0, c1, c2, c3] = COEFFICIENTS as [number, number, number, number];
  const wanted = [c0 + 0.75 * c1 + 0.25 * c2, 0.25 * c1 + 0.75 * c2 + c3];
  const coefficients = Tensor.from(COEFFICIENTS, 'float32', [4]);
  for (const [way, loaded] of await loadEachWay(() => NNsight.load(path, { device: 'cpu' }))) {
    for (const rows of [1, 3]) {
      const x = Tensor.from(new Float32Array(2 * rows).fill(1), 'float32', [rows, 2]);
      const [output, byScaled, byX] = await loaded.trace({ x }, () => {
        backward(sum(mul(loaded.output, coefficients)));
        const scaled = loaded.layers[0].ops.Mul.output;
        return [save(loaded.output), save(scaled.grad), save(loaded.inputs.x.grad)];
      });
      const all = (row: readonly number[]) => Array.from({ length: rows }, () => row).flat();
      expect([...output!.data], way).toEqual(all([2, 0.75, -1.75, -3]));
      expect([...byScaled!.data], way).toEqual(all(wanted));
      expect([...byX!.data], way).toEqual(all(wanted.map((one, i) => one * SCALE[i]!)));
    }
  }
});
