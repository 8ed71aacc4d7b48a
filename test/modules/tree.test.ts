import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findModule } from '../../runtime/modules/find.ts';
import type { Module } from '../../runtime/modules/module.ts';
import { buildTree, nodesByName } from '../../runtime/modules/tree.ts';
import { makeNode, makeValueInfo } from '../../runtime/onnx/make.ts';
import type { OnnxModel } from '../../runtime/onnx/model.ts';
import { readModel } from '../../runtime/onnx/read.ts';
import { TOY } from '../support/fixtures.ts';
import { withGraph } from '../support/models.ts';
import { fixtureModel, offset, runModel, tensor } from '../support/run-model.ts';
import { namedModel } from './named-model.ts';

const folder = mkdtempSync(join(tmpdir(), 'onnsight-tree-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Seen {
  readonly dims: number[];
  readonly first: number[];
}
const TOY_REFERENCE = JSON.parse(readFileSync(new URL('../fixtures/toy-gpt2.json', import.meta.url), 'utf8'));

describe('the toy GPT-2', () => {
  let model: OnnxModel;
  let tree: Module;
  beforeAll(async () => {
    model = await readModel(TOY);
    tree = buildTree(model);
  });

  test('every module has the inputs and outputs that PyTorch saw', async () => {
    const seen = Object.entries<{ input?: Seen; output?: Seen }>(TOY_REFERENCE.cases.modules.modules);
    // The exporter drops dropouts and their names.
    const named = seen.filter(([path]) => !/drop/.test(path));
    const ids: number[] = TOY_REFERENCE.ids.clean;
    const length = ids.length;
    const feeds = Object.fromEntries(
      model.inputs.map(({ name, dtype }) => {
        if (name.startsWith('past')) return [name, tensor(dtype, { dims: [1, 4, 0, 32], data: [] })];
        const data = name === 'input_ids' ? ids : ids.map((_, i) => (name === 'position_ids' ? i : 1));
        return [name, tensor(dtype, { dims: [1, length], data })];
      }),
    );
    const calls = named.map(([path]) => findModule(tree, path).calls[0]!);
    const wanted = [...new Set(calls.flatMap(({ inputs, outputs }) => [inputs[0]!, outputs[0]!]))];
    const results = await runModel(
      model,
      feeds,
      wanted.filter((name) => !(name in feeds)),
    );
    let compared = 0;
    named.forEach(([path, { input, output }], i) => {
      if (output !== undefined)
        expect(offset(results[calls[i]!.outputs[0]!], output), `${path} output`).toBeLessThan(1e-4);
      if (input !== undefined) expect(offset(results[calls[i]!.inputs[0]!], input), `${path} input`).toBeLessThan(1e-4);
      compared += Number(output !== undefined) + Number(input !== undefined);
    });
    expect(named).toHaveLength(45);
    expect(compared).toBe(86);
  });

  test('a module that leaves tensors behind has them after its main output', () => {
    const [attention] = findModule(tree, 'transformer.h.0.attn').calls;
    expect(attention!.outputs).toEqual([
      '/transformer/h.0/attn/c_proj/Reshape_1_output_0',
      'present.0.key',
      'present.0.value',
    ]);
  });

  test('the root has the outputs and inputs of the model', () => {
    expect(tree.calls[0]!.outputs.slice(0, 2)).toEqual(['logits', 'present.0.key']);
    expect(tree.calls[0]!.inputs).toEqual(model.inputs.map(({ name }) => name));
  });

  test('a list is no module that ran', () => {
    const layers = findModule(tree, 'transformer.h');
    expect(layers.list).toBe(true);
    expect(layers.calls).toEqual([]);
    expect([...layers.children.keys()]).toEqual(['0', '1', '2', '3']);
  });

  test('operations count within their module', () => {
    const { operations } = findModule(tree, 'transformer.h.1.attn');
    const names = operations.map(({ name }) => name);
    expect(names.filter((name) => name.startsWith('MatMul'))).toEqual(['MatMul', 'MatMul_1']);
    expect(names).not.toContain('Constant');
    const softmax = operations.find(({ name }) => name === 'Softmax')!;
    expect(model.graph.node[softmax.node]!.name).toBe('/transformer/h.1/attn/Softmax');
  });
});

describe('what the dynamo exporter tells', () => {
  test('classes and lines of Python', async () => {
    const tree = buildTree(await fixtureModel('zoo/gpt2', 'dynamo'));
    expect(tree.className).toBe('Lm');
    expect(findModule(tree, 'model.transformer.h.1').className).toBe('GPT2Block');
    expect(findModule(tree, 'model.transformer.h.1').sourceLine).toMatch(/modeling_gpt2\.py:\d+: .*residual/);
  });

  test('of a rotary embedding the cosines come first, then the sines', async () => {
    const tree = buildTree(await fixtureModel('zoo/llama', 'dynamo'));
    expect(findModule(tree, 'model.model.rotary_emb').calls[0]!.outputs).toEqual(['cos', 'sin']);
  });
});

describe('a file whose nodes an optimizer has put elsewhere', () => {
  const PATH = 'model.model.rotary_emb';

  /** The nodes in another order in which they can run: what is needed last stands first. */
  function moved({ graph, links }: OnnxModel) {
    const placed = new Set<number>();
    const place = (index: number) => {
      if (placed.has(index)) return;
      for (const name of links.reads[index]!.toReversed()) if (links.maker.has(name)) place(links.maker.get(name)!);
      placed.add(index);
    };
    for (let index = graph.node.length - 1; index >= 0; index--) place(index);
    return [...placed].map((index) => graph.node[index]!);
  }

  test('cosines come first wherever their node stands', async () => {
    const model = await fixtureModel('zoo/llama', 'ts');
    const expected = findModule(buildTree(model), PATH).calls[0]!.outputs;
    const node = moved(model);
    const inFile = node.flatMap(({ output }) => output.filter((name) => expected.includes(name)));
    expect(inFile).toEqual(expected.toReversed());
    const call = findModule(buildTree(withGraph(model, { node })), PATH).calls[0]!;
    expect(call).toMatchObject({ outputs: expected, order: 'sure' });
  });
});

describe('other names', () => {
  test('a model that tells of no modules has a root and its nodes', async () => {
    const model = await fixtureModel('zoo/mlp', 'ts');
    const plainName = (name: string) => name.replaceAll('/', '');
    const node = model.graph.node.map((node, i) => ({
      ...node,
      name: `Gemm_${i}`,
      input: node.input.map(plainName),
      output: node.output.map(plainName),
    }));
    const plain = withGraph(model, { node });
    const tree = buildTree(plain);
    expect(tree.calls).toHaveLength(1);
    expect(tree.children.size).toBe(0);
    expect(tree.operations.map(({ name }) => name)).toEqual(['Gemm', 'Gemm_1']);
    expect(nodesByName(plain).get('Gemm_1')).toEqual({ index: 1, outputs: ['output'] });
  });

  test('what quantizes an activation is no part of the module that made it', async () => {
    const model = await fixtureModel('zoo/sigmoid-mlp', 'ts');
    const [gemm, sigmoid, ...rest] = model.graph.node;
    const hidden = sigmoid!.output[0]!;
    const made = [`${hidden}_quantized`, `${hidden}_scale`, `${hidden}_zero_point`];
    const quantize = makeNode('DynamicQuantizeLinear', [hidden], made, {}, `${hidden}_QuantizeLinear`);
    const read = rest.map((node, i) =>
      i === 0 ? { ...node, input: [...quantize.output, ...node.input.slice(1)] } : node,
    );
    const tree = buildTree(withGraph(model, { node: [gemm!, sigmoid!, quantize, ...read] }));
    expect(findModule(tree, 'sigma1').calls[0]!.outputs).toEqual([hidden]);
    expect(findModule(tree, 'layer2').calls[0]!.inputs[0]).toBe(hidden);
  });

  test('a fused node is where its output was, or where its name says it came from', async () => {
    const model = await fixtureModel('zoo/sigmoid-mlp', 'ts');
    const names = ['/layer1/MatMul/MatMulAddFusion/', 'Sigmoid_token_1'];
    const node = model.graph.node.map((node, i) => ({ ...node, name: names[i] ?? node.name }));
    const tree = buildTree(withGraph(model, { node }));
    expect([...tree.children.keys()]).toEqual(['layer1', 'sigma1', 'layer2', 'sigma2']);
    expect(findModule(tree, 'layer1').children.size).toBe(0);
    expect(findModule(tree, 'sigma1').calls).toHaveLength(1);
  });

  test('names without a leading slash number modules, not calls', async () => {
    const model = await fixtureModel('zoo/mlp', 'ts');
    const names = ['net/dense/MatMul', 'net/dense_1/MatMul'];
    const node = model.graph.node.map((node, i) => ({ ...node, name: names[i]! }));
    const tree = buildTree(withGraph(model, { initializer: [], node }));
    expect(findModule(tree, 'net.dense').calls).toHaveLength(1);
    expect(findModule(tree, 'net.dense_1').calls).toHaveLength(1);
  });

  test.each([
    // Gemma 3's rotary embedding, once for each kind of layer: the exporter makes the sizes once.
    { shared: '/rope/Neg_output_0', modules: ['rope'], calls: 2 },
    // Behind `rope` stands another module.
    { shared: '/rope/Cos_output_0', modules: ['rope', 'rope_1'], calls: 1 },
  ])('a later call lacks what the exporter has left to the first: $modules', async ({ shared, modules, calls }) => {
    const node = [
      makeNode('Neg', ['x'], ['/rope/Neg_output_0'], {}, '/rope/Neg'),
      makeNode('Exp', ['/rope/Neg_output_0'], ['/rope/Exp_output_0'], {}, '/rope/Exp'),
      makeNode('Cos', ['/rope/Exp_output_0'], ['/rope/Cos_output_0'], {}, '/rope/Cos'),
      makeNode('Exp', [shared], ['/rope_1/Exp_output_0'], {}, '/rope_1/Exp'),
      makeNode('Cos', ['/rope_1/Exp_output_0'], ['/rope_1/Cos_output_0'], {}, '/rope_1/Cos'),
      makeNode('Add', ['/rope/Cos_output_0', '/rope_1/Cos_output_0'], ['output'], {}, '/Add'),
    ];
    const model = await fixtureModel('zoo/mlp', 'ts');
    const tree = buildTree(withGraph(model, { initializer: [], node, output: [makeValueInfo('output', 'float32')] }));
    expect([...tree.children.keys()]).toEqual(modules);
    const made = findModule(tree, 'rope').calls.map(({ outputs }) => outputs.at(-1));
    expect(made).toEqual(['/rope/Cos_output_0', '/rope_1/Cos_output_0'].slice(0, calls));
  });
});

test('of modules that stand 250 deep in one another is built', async () => {
  const paths = Array.from({ length: 250 }, (_, i) => Array.from({ length: i + 1 }, (_, k) => `m${k}`).join('.'));
  const path = join(folder, 'deep.onnx');
  writeFileSync(path, namedModel(paths));
  const tree = buildTree(await readModel(path));
  expect(findModule(tree, paths.at(-1)!).calls).toHaveLength(1);
});
