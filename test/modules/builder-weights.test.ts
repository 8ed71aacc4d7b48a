import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Loose, matmul, NNsight, save, sub, type Tensor, transpose } from 'onnsight';
import { afterAll, expect, it } from 'vitest';
import { makeGraph, makeModel, makeNode, makeTensor, makeValueInfo } from '../../runtime/onnx/make.ts';
import { encodeModel, type NodeProto, type TensorProto } from '../../runtime/onnx/proto.ts';

/*
 * onnxruntime-genai's builder names parameters after the nodes that read them. What they are in PyTorch is told by what ONNX
 * Runtime makes of them: a linear layer's output is its input times the transposed weight, and the bias.
 */

const folder = mkdtempSync(join(tmpdir(), 'onnsight-'));
afterAll(() => rmSync(folder, { recursive: true }));

const row = Array.from({ length: 32 }, (_, i) => Math.sin(i));

async function layerOf(node: NodeProto, initializers: readonly TensorProto[], opset: readonly string[] = []) {
  const path = join(folder, `${node.opType}.onnx`);
  const nodes = [
    node,
    makeNode(
      'Add',
      [node.output[0]!, 'model.layers.0.attn.o_proj.Add.bias'],
      ['y'],
      {},
      '/model/layers.0/attn/o_proj/Add',
    ),
  ];
  const bias = makeTensor('model.layers.0.attn.o_proj.Add.bias', 'float32', [1, 2, 3], [3]);
  const info = (name: string, width: number) => makeValueInfo(name, 'float32', [1, width]);
  const graph = makeGraph('', nodes, [info('x', 32)], [info('y', 3)], [...initializers, bias]);
  const proto = makeModel(graph, 21);
  const opsetImport = [
    ...proto.opsetImport,
    ...opset.map((domain) => ({ ...proto.opsetImport[0]!, domain, version: 1n })),
  ];
  writeFileSync(path, encodeModel({ ...proto, opsetImport }));
  const model = await NNsight.load<Loose>(path, { device: 'cpu' });
  const { o_proj } = model.model!.layers![0]!.attn!;
  const y = await model.trace({ x: [row] }, () => save(model.output));
  return { y, weight: o_proj!.weight as unknown as Tensor, bias: o_proj!.bias as unknown as Tensor };
}

function expectLinear({ y, weight, bias }: Awaited<ReturnType<typeof layerOf>>): void {
  expect([weight.dims, [...bias.data]]).toEqual([
    [3, 32],
    [1, 2, 3],
  ]);
  const own = matmul([row], transpose(weight, 0, 1)) as unknown as Tensor;
  expect(sub(sub(y, bias), own).abs().max().item()).toBeLessThan(1e-4);
}

it('a matrix', async () => {
  const name = 'model.layers.0.attn.o_proj.MatMul.weight';
  const matrix = makeTensor(
    name,
    'float32',
    Array.from({ length: 96 }, (_, i) => Math.cos(i)),
    [32, 3],
  );
  expectLinear(
    await layerOf(makeNode('MatMul', ['x', name], ['m'], {}, '/model/layers.0/attn/o_proj/MatMul'), [matrix]),
  );
});

it('a matrix in four bits', async () => {
  const name = 'model.layers.0.attn.o_proj.MatMul.weight';
  const codes = makeTensor(
    `${name}_Q4`,
    'uint8',
    Array.from({ length: 48 }, (_, i) => (i * 37) % 256),
    [3, 1, 16],
  );
  const scales = makeTensor(`${name}_scales`, 'float32', [0.1, 0.2, 0.3], [3]);
  const attributes = {
    K: { int: 32 },
    N: { int: 3 },
    bits: { int: 4 },
    block_size: { int: 32 },
    accuracy_level: { int: 1 },
  };
  const node = makeNode(
    'MatMulNBits',
    ['x', codes.name, scales.name],
    ['m'],
    attributes,
    '/model/layers.0/attn/o_proj/MatMul_Q4',
  );
  expectLinear(await layerOf({ ...node, domain: 'com.microsoft' }, [codes, scales], ['com.microsoft']));
});
