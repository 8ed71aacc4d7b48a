import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Loose, NNsight, save } from 'onnsight';
import { afterAll, expect, test } from 'vitest';
import { makeGraph, makeModel, makeNode, makeTensor, makeValueInfo } from '../../runtime/onnx/make.ts';
import { encodeModel, type NodeProto } from '../../runtime/onnx/proto.ts';

const folder = mkdtempSync(join(tmpdir(), 'onnsight-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function modelOf(nodes: NodeProto[], names: readonly string[]) {
  const weights = names.map((name, i) => makeTensor(`${name}.weight`, 'float32', [1 + i, 0, 0, 1], [2, 2]));
  const info = (name: string) => makeValueInfo(name, 'float32', [1, 2]);
  const path = join(folder, `${names.join('-')}.onnx`);
  writeFileSync(path, encodeModel(makeModel(makeGraph('folded', nodes, [info('x')], [info('y')], weights))));
  return NNsight.load<Loose>(path, { device: 'cpu' });
}

test('what was folded into a module with another output says which operator holds it', async () => {
  const nodes = [
    makeNode('MatMul', ['x', 'mlp.lin.weight'], ['a'], {}, '/mlp/MatMul'),
    makeNode('Relu', ['a'], ['b'], {}, '/mlp/Relu'),
    makeNode('MatMul', ['b', 'head.lin.weight'], ['y'], {}, '/head/MatMul'),
  ];
  const model = await modelOf(nodes, ['mlp.lin', 'head.lin']);
  const read = (name: string) => model.trace({ x: [[1, -1]] }, () => save(model.get(name).output));
  await expect(read('mlp.lin')).rejects.toThrow(
    /folded-into.test.ts:\d+:\d+ - 'mlp.lin' .* folded it into 'mlp': its parameter is read by MatMul there, whose result is mlp.ops.MatMul.output; mlp.output is another tensor/,
  );
  await expect(read('head.lin')).rejects.toThrow(/folded it into 'head': read head.output instead/);
  const held = await model.trace({ x: [[1, -1]] }, () => save(model.mlp.ops.MatMul.output));
  expect([...held.data]).toEqual([1, -1]);
});

test('what is in one of several calls of another module says which', async () => {
  // As of modules that a loop calls by `forward`: the nodes are named without the layer.
  const nodes = ['', '_1', '_2'].flatMap((end, i) => [
    makeNode(
      'MatMul',
      [i ? `r${i}` : 'x', `enc.layers.${i}.attn.lin.weight`],
      [`l${i}`],
      {},
      `/enc/attn/lin${end}/MatMul`,
    ),
    makeNode('Relu', [`l${i}`], [i < 2 ? `r${i + 1}` : 'y'], {}, `/enc/attn/act${end}/Relu`),
  ]);
  const model = await modelOf(
    nodes,
    [0, 1, 2].map((i) => `enc.layers.${i}.attn.lin`),
  );
  const read = (name: string) => model.trace({ x: [[1, -1]] }, () => save(model.get(name).output));
  await expect(read('enc.layers.0.attn.lin')).rejects.toThrow(
    /folded it into 'enc.attn.lin': read enc.attn.lin.output instead/,
  );
  await expect(read('enc.layers.2.attn.lin')).rejects.toThrow(
    /folded it into 'enc.attn.lin': read enc.attn.lin.calls\[2\].output instead/,
  );
  const last = await model.trace({ x: [[1, -1]] }, () => save(model.enc.attn.lin.calls[2]!.output));
  expect([...last.data]).toEqual([6, 0]);
});
