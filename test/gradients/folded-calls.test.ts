/** A module of which an optimizer has made a call a constant: the gradients by its weights would lack that call. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { backward, grad, NNsight, save, sum, Tensor } from 'onnsight';
import { expect, it } from 'vitest';
import { makeGraph, makeModel, makeNode, makeTensor, makeValueInfo } from '../../runtime/onnx/make.ts';
import { encodeModel, type NodeProto } from '../../runtime/onnx/proto.ts';

const node = (op: string, inputs: readonly string[], name: string, attributes = {}) =>
  makeNode(op, inputs, [`${name}_output_0`], attributes, name);
const floats = (name: string, dims: readonly number[]) =>
  makeTensor(
    name,
    'float32',
    Array.from({ length: dims.reduce((a, b) => a * b) }, (_, i) => (i % 3) - 1),
    dims,
  );

/** Queries, keys and values of self; `score` makes the output `/self/Add_output_0` of the queries and keys. */
async function load(constant: string, score: readonly NodeProto[]) {
  const projections = ['query', 'key', 'value'].flatMap((name) => [
    node('MatMul', ['x', `onnx::MatMul_${name}`], `/self/${name}/MatMul`),
    node('Add', [`self.${name}.bias`, `/self/${name}/MatMul_output_0`], `/self/${name}/Add`),
  ]);
  const weights = ['query', 'key', 'value'].flatMap((name) => [
    floats(`onnx::MatMul_${name}`, [2, 2]),
    floats(`self.${name}.bias`, [2]),
  ]);
  const nodes = [
    ...projections,
    node('Transpose', ['/self/key/Add_output_0'], '/self/Transpose', { perm: { ints: [1, 0] } }),
    node('MatMul', ['/self/query/Add_output_0', '/self/Transpose_output_0'], '/self/MatMul'),
    ...score,
    node('MatMul', ['/self/Add_output_0', '/self/value/Add_output_0'], '/self/MatMul_2'),
  ];
  const graph = makeGraph(
    'made',
    nodes,
    [makeValueInfo('x', 'float32', [2, 2])],
    [makeValueInfo('/self/MatMul_2_output_0', 'float32', [2, 2])],
    [...weights, floats(constant, [2, 2])],
  );
  const path = join(mkdtempSync(join(tmpdir(), 'onnsight-')), 'model.onnx');
  writeFileSync(path, encodeModel(makeModel(graph, 17)));
  return NNsight.load(path, { device: 'cpu' });
}

const x = Tensor.from([1, 2, 3, 4], 'float32', [2, 2]);

/** The modules whose weights have no gradient, in the order of the file; each of the three ways to ask says so. */
async function lacking(model: NNsight): Promise<string[]> {
  const found: string[] = [];
  for (const name of ['query', 'key', 'value']) {
    const proj = model.self[name];
    const asked = [
      model.trace({ x }, () => {
        backward(sum(model.output));
        return save(proj.bias.grad);
      }),
      model.trace({ x }, () => save(grad(sum(model.output), proj.weight))),
      model.trace({ x }, () => {
        backward(sum(model.output));
        const { bias } = proj;
        bias.grad = [0, 0];
        return save(bias.grad);
      }),
    ];
    const ends = await Promise.allSettled(asked);
    const errors = ends.flatMap((end) => (end.status === 'rejected' ? [String(end.reason)] : []));
    for (const error of errors) {
      expect(error).toMatch(
        new RegExp(`folded-calls.test.ts:\\d+:\\d+ - The gradient by self.${name}.(bias|weight) .* only a part`),
      );
    }
    expect([0, 3]).toContain(errors.length);
    if (errors.length > 0) found.push(name);
    // Their values are PyTorch's.
    expect((await model.trace({ x }, () => save(proj.weight))).dims).toEqual([2, 2]);
  }
  return found;
}

it('where the constant has the name of a later call', async () => {
  const constant = '/self/key_1/Add_output_0';
  const model = await load(constant, [node('Add', ['/self/MatMul_output_0', constant], '/self/Add')]);
  expect(await lacking(model)).toEqual(['key']);
});

/** As ONNX Runtime leaves DeBERTa: what is made of the later call, in the module around it, meets the queries as the keys do. */
it('where the constant stands in the place of what the module gives', async () => {
  const constant = '/self/Expand_output_0';
  const model = await load(constant, [
    node('Transpose', [constant], '/self/Transpose_1', { perm: { ints: [1, 0] } }),
    node('MatMul', ['/self/query/Add_output_0', '/self/Transpose_1_output_0'], '/self/MatMul_1'),
    node('Add', ['/self/MatMul_output_0', '/self/MatMul_1_output_0'], '/self/Add'),
  ]);
  expect(await lacking(model)).toEqual(['key']);
});

it('not where a constant is added, or is of another module', async () => {
  const bias = '/self/Unsqueeze_output_0';
  expect(await lacking(await load(bias, [node('Add', ['/self/MatMul_output_0', bias], '/self/Add')]))).toEqual([]);
  const distances = '/self/distance_embedding/Gather_output_0';
  const model = await load(distances, [
    node('MatMul', ['/self/query/Add_output_0', distances], '/self/MatMul_1'),
    node('Add', ['/self/MatMul_output_0', '/self/MatMul_1_output_0'], '/self/Add'),
  ]);
  expect(await lacking(model)).toEqual([]);
});
