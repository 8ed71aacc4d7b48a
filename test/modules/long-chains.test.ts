import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NNsight } from 'onnsight';
import { afterAll, expect, it } from 'vitest';
import { makeGraph, makeModel, makeNode, makeValueInfo } from '../../runtime/onnx/make.ts';
import { encodeModel, type NodeProto } from '../../runtime/onnx/proto.ts';

const folder = mkdtempSync(join(tmpdir(), 'onnsight-chains-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function load(nodes: readonly NodeProto[], inputs = [makeValueInfo('x', 'float32', [2])]) {
  const path = join(folder, `${nodes.length}.onnx`);
  const graph = makeGraph('chain', [...nodes], inputs, [makeValueInfo('y', 'float32', [2])]);
  writeFileSync(path, encodeModel(makeModel(graph)));
  return NNsight.load(path, { device: 'cpu' });
}

it('a model of twelve thousand nodes in one chain loads and runs', async () => {
  const length = 12_000;
  const at = (i: number) => (i === 0 ? 'x' : i === length ? 'y' : `t${i}`);
  const nodes = Array.from({ length }, (_, i) => makeNode('Relu', [at(i)], [at(i + 1)], {}, `/block/Relu_${i}`));
  const { y } = await (await load(nodes)).trace({ x: [-1, 2] });
  expect(y!.toArray()).toEqual([0, 2]);
});

it('what is looked for behind additions is looked for once, however often they are added', async () => {
  const ladder = Array.from({ length: 60 }, (_, i) => makeNode('Add', [`k${i}`, `k${i}`], [`k${i + 1}`]));
  const attention = makeNode(
    'GroupQueryAttention',
    ['k0', 'k60', 'k60', 'past', 'past', 'lengths', 'total'],
    ['a', 'present', 'present_value'],
    { num_heads: { int: 2 }, kv_num_heads: { int: 2 } },
  );
  attention.domain = 'com.microsoft';
  const nodes = [makeNode('Relu', ['x'], ['y']), makeNode('Relu', ['w'], ['k0']), ...ladder, attention];
  const past = makeValueInfo('past', 'float32', ['batch', 2, 'past', 'size']);
  await load(nodes, [makeValueInfo('x', 'float32', [2]), makeValueInfo('w', 'float32', [1, 2, 'width']), past]).catch(
    (error: Error) => expect(error.name).toBe('ModelError'),
  );
});
