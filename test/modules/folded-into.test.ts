import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Loose, NNsight, save } from 'onnsight';
import { expect, test } from 'vitest';
import { makeGraph, makeModel, makeNode, makeTensor, makeValueInfo } from '../../runtime/onnx/make.ts';
import { encodeModel } from '../../runtime/onnx/proto.ts';

test('what was folded into a module with another output says which operator holds it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'onnsight-'));
  const nodes = [
    makeNode('MatMul', ['x', 'mlp.lin.weight'], ['a'], {}, '/mlp/MatMul'),
    makeNode('Relu', ['a'], ['b'], {}, '/mlp/Relu'),
    makeNode('MatMul', ['b', 'head.lin.weight'], ['y'], {}, '/head/MatMul'),
  ];
  const weights = ['mlp', 'head'].map((name) => makeTensor(`${name}.lin.weight`, 'float32', [1, 0, 0, 1], [2, 2]));
  const info = (name: string) => makeValueInfo(name, 'float32', [1, 2]);
  const path = join(folder, 'model.onnx');
  writeFileSync(path, encodeModel(makeModel(makeGraph('folded', nodes, [info('x')], [info('y')], weights))));
  const model = await NNsight.load<Loose>(path, { device: 'cpu' });
  const read = (name: string) => model.trace({ x: [[1, -1]] }, () => save(model.get(name).output));
  await expect(read('mlp.lin')).rejects.toThrow(
    /folded-into.test.ts:\d+:\d+ - 'mlp.lin' .* folded it into 'mlp': its parameter is read by MatMul there, whose result is mlp.ops.MatMul.output; mlp.output is another tensor/,
  );
  await expect(read('head.lin')).rejects.toThrow(/folded it into 'head': read head.output instead/);
  const held = await model.trace({ x: [[1, -1]] }, () => save(model.mlp.ops.MatMul.output));
  expect([...held.data]).toEqual([1, -1]);
  rmSync(folder, { recursive: true });
});
