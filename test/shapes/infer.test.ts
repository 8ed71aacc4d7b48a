import { describe, expect, test } from 'vitest';
import { dtypeName } from '../../runtime/onnx/dtypes.ts';
import { makeGraph, makeModel, makeNode, makeTensor, makeValueInfo } from '../../runtime/onnx/make.ts';
import type { OnnxModel } from '../../runtime/onnx/model.ts';
import { readModel } from '../../runtime/onnx/read.ts';
import { inferTypes } from '../../runtime/shapes/infer.ts';
import { TensorTypes } from '../../runtime/shapes/tensor-types.ts';
import { FILES, reference, TOY } from '../support/fixtures.ts';
import { modelOf, withGraph } from '../support/models.ts';
import { fixtureModel, referenceFeeds, runModel } from '../support/run-model.ts';

function toyDims(model: OnnxModel, length: number, past: number): Record<string, number[]> {
  const size: Record<string, number> = { batch: 2, sequence: length, past, total: length + past };
  return Object.fromEntries(
    model.inputs.map(({ name, dims }) => [name, dims!.map((dim) => (typeof dim === 'string' ? size[dim]! : dim!))]),
  );
}

describe('types of every tensor', () => {
  test.each(FILES)('agree with what a run makes: %s (%s exporter)', async (name, exporter) => {
    const model = await fixtureModel(name, exporter);
    const expected = reference(name);
    const dims = Object.fromEntries(model.inputs.map((input) => [input.name, expected.inputs[input.name]!.dims]));
    const types = await inferTypes(model, dims);
    const made = model.graph.node.flatMap(({ output }) => output).filter((output) => output !== '');
    const results = await runModel(model, referenceFeeds(model, expected), made);
    for (const output of made) {
      const { type, dims } = results[output]!;
      expect(types.get(output), output).toEqual({ dtype: type, shape: dims });
    }
  });

  test.each(FILES)('are what the operators tell without a session: %s (%s exporter)', async (name, exporter) => {
    const model = await fixtureModel(name, exporter);
    const types = await inferTypes(model);
    const told = model.elementTypes;
    for (const [tensor, { dtype }] of types) expect(dtypeName(told.get(tensor) ?? 0), tensor).toBe(dtype);
  });

  test('of the toy GPT-2, with and without a past', async () => {
    const model = await readModel(TOY);
    const none = await inferTypes(model, toyDims(model, 7, 0));
    expect(none.get('transformer.wte.weight')).toEqual({ dtype: 'float32', shape: [189, 128] });
    expect(none.get('input_ids')).toEqual({ dtype: 'int64', shape: [2, 7] });
    expect(none.get('logits')).toEqual({ dtype: 'float32', shape: [2, 7, 189] });
    expect(none.get('/transformer/h.2/attn/Softmax_output_0')).toEqual({ dtype: 'float32', shape: [2, 4, 7, 7] });
    const some = await inferTypes(model, toyDims(model, 1, 12));
    expect(some.get('/transformer/h.2/attn/Softmax_output_0')).toEqual({ dtype: 'float32', shape: [2, 4, 1, 13] });
  });

  test('without sizes have their dtypes, and the dimensions that are fixed', async () => {
    const model = await readModel(TOY);
    const types = await inferTypes(model);
    expect(types.get('logits')).toEqual({ dtype: 'float32', shape: [null, null, 189] });
    expect(types.get('input_ids')).toEqual({ dtype: 'int64', shape: [null, null] });
  });

  test('are worked out once for the same sizes', async () => {
    const types = new TensorTypes(await fixtureModel('zoo/mlp', 'ts'));
    const first = await types.at({ x: [3, 5] });
    expect(await types.at({ x: [3, 5] })).toBe(first);
    for (let size = 10; size < 26; size++) await types.at({ x: [size, 5] });
    expect(await types.at({ x: [3, 5] })).not.toBe(first);
  });
});

describe('what ONNX Runtime cannot tell before the run', () => {
  /** `x` of [2, 5] reshaped to a shape that is itself an input, and the sum of that, which has no dimensions. */
  async function reshaped(rank: number | null): Promise<OnnxModel> {
    const model = await fixtureModel('zoo/mlp', 'ts');
    const node = [
      makeNode('Reshape', ['x', 'shape'], ['reshaped']),
      makeNode('Relu', ['reshaped'], ['relu']),
      makeNode('NonZero', ['relu'], ['indices']),
      makeNode('Size', ['relu'], ['count']),
    ];
    const input = [...model.graph.input, makeValueInfo('shape', 'int64', [rank])];
    return withGraph(model, { node, output: [makeValueInfo('relu')], initializer: [], input });
  }

  test('is null: a dimension', async () => {
    const types = await inferTypes(await reshaped(2), { x: [2, 5] });
    expect(types.get('relu')).toEqual({ dtype: 'float32', shape: [null, null] });
    expect(types.get('count')).toEqual({ dtype: 'int64', shape: [] });
  });

  test('is null: the number of dimensions', async () => {
    const types = await inferTypes(await reshaped(null), { x: [2, 5] });
    expect(types.get('relu')).toEqual({ dtype: 'float32', shape: null });
    expect(types.get('count')).toEqual({ dtype: 'int64', shape: [] });
  });

  test('is null: the number of dimensions of what a loop makes, whose condition is constant', async () => {
    const body = makeGraph(
      'body',
      [makeNode('Identity', ['on'], ['next']), makeNode('Unsqueeze', ['state', 'axes'], ['grown'])],
      [makeValueInfo('i', 'int64', []), makeValueInfo('on', 'bool', []), makeValueInfo('state', 'float32')],
      [makeValueInfo('next', 'bool', []), makeValueInfo('grown', 'float32')],
    );
    const constants = [makeTensor('two', 'int64', [2], []), makeTensor('yes', 'bool', [1], [])];
    const graph = makeGraph(
      'made',
      [makeNode('Loop', ['two', 'yes', 'x'], ['y'], { body: { graph: body } })],
      [makeValueInfo('x', 'float32', [3])],
      [makeValueInfo('y', 'float32')],
      [...constants, makeTensor('axes', 'int64', [0], [1])],
    );
    const types = await inferTypes(modelOf(makeModel(graph)), { x: [3] });
    expect(types.get('y')).toEqual({ dtype: 'float32', shape: null });
  });

  test('is told from a scalar', async () => {
    const types = await inferTypes(await reshaped(0), { x: [1, 5] });
    expect(types.get('relu')).toEqual({ dtype: 'float32', shape: [] });
  });
});

describe('sizes that do not fit', () => {
  test('name the input and what it wants', async () => {
    const model = await fixtureModel('zoo/mlp', 'ts');
    const wrong = { x: [2, 6] };
    await expect(async () => inferTypes(model, wrong)).rejects.toThrow(
      /the input x of .* wants the shape \[batch, 5\], not \[2, 6\]/,
    );
    await expect(async () => inferTypes(model, { y: [2, 5] })).rejects.toThrow(/has no input y: it has x/);
  });

  test('in relation to each other', async () => {
    const model = await readModel(TOY);
    const dims = { ...toyDims(model, 7, 0), position_ids: [2, 9] };
    await expect(inferTypes(model, dims)).rejects.toThrow(/does not fit these input sizes/);
  });
});
