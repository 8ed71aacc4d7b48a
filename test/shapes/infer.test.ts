import { describe, expect, test, vi } from 'vitest';
import { dtypeName } from '../../runtime/onnx/dtypes.ts';
import { makeGraph, makeModel, makeNode, makeTensor, makeValueInfo } from '../../runtime/onnx/make.ts';
import type { OnnxModel } from '../../runtime/onnx/model.ts';
import { decodeModel, encodeModel, type NodeProto, type TensorProto } from '../../runtime/onnx/proto.ts';
import { readModel } from '../../runtime/onnx/read.ts';
import { ort } from '../../runtime/ort/ort.ts';
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
    // A large model is asked for part by part.
    expect(await inferTypes(model, dims, 9)).toEqual(types);
  });

  test.each([
    { chain: 'that needs no asking: ONNX Runtime is given nothing', every: 0, given: [] },
    {
      chain: 'with few nodes that need asking, all alike: ONNX Runtime is given the first ones',
      every: 10,
      given: [11],
    },
  ])('of a chain $chain of it', async ({ every, given }) => {
    const add = (i: number) => makeNode('Add', [`y${i}`, i % 7 ? 'row' : 'x'], [`y${i + 1}`]);
    const turn = (i: number) => makeNode('Transpose', [`y${i}`], [`y${i + 1}`], { perm: { ints: [0, 1] } });
    const chain = Array.from({ length: 100 }, (_, i) => (i % every === 9 ? turn(i) : add(i)));
    const nodes = [makeNode('Relu', ['x'], ['y0']), ...chain];
    const [x, y] = [makeValueInfo('x', 'float32', ['n', 4]), makeValueInfo('y100', 'float32', ['n', 4])];
    const row = makeTensor('row', 'float32', [1, 2, 3, 4], [1, 4]);
    const model = await modelOf(makeModel(makeGraph('chain', nodes, [x], [y], [row]), 17));
    const examine = vi.spyOn(ort, 'examine');
    const types = await inferTypes(model, { x: [3, 4] }, 5);
    const sizes = examine.mock.calls.map(([bytes]) => decodeModel(bytes).graph!.node.length);
    examine.mockRestore();
    expect(sizes).toEqual(given);
    for (const { output } of nodes) expect(types.get(output[0]!)).toEqual({ dtype: 'float32', shape: [3, 4] });
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

describe('what elementwise operators make', () => {
  const input = ['x', 'y', 'z'].map((name, i) => makeValueInfo(name, 'float32', [[null, 5], [3, 1, 1], null][i]));

  test('is what ONNX Runtime infers, sizes that it does not know included', async () => {
    const node = [
      makeNode('Add', ['x', 'y'], ['sum']),
      makeNode('Less', ['sum', 'x'], ['less']),
      makeNode('Where', ['less', 'y', 'x'], ['where']),
      makeNode('Max', ['y', 'sum', 'y'], ['max']),
      makeNode('Cast', ['max'], ['cast'], { to: { int: 7 } }),
      makeNode('Mul', ['x', 'z'], ['any']),
      makeNode('Relu', ['any'], ['anyRelu']),
      makeNode('Identity', ['y'], ['same']),
    ];
    const names = node.map(({ output }) => output[0]!);
    const graph = makeGraph(
      'g',
      node,
      input,
      names.map((name) => makeValueInfo(name)),
      [],
    );
    const types = await inferTypes(modelOf(makeModel(graph)));
    const told = await ort.examine(encodeModel(makeModel(graph)), { optimization: 'disabled' });
    for (const { name, dtype, shape } of told) {
      // ONNX Runtime writes an unknown number of dimensions as it writes none.
      const isAny = name.startsWith('any');
      expect(types.get(name), name).toEqual({ dtype, shape: isAny ? null : shape });
    }
  });

  test('is worked out here: of a chain of 4,000 nodes ONNX Runtime is asked for none', async () => {
    const tensors = ['x', ...Array.from({ length: 4_000 }, (_, i) => `t${i}`)];
    const node = tensors
      .slice(1)
      .map((name, i) => makeNode(i % 2 ? 'Relu' : 'Add', [tensors[i]!, 'y'].slice(0, i % 2 ? 1 : 2), [name]));
    const model = modelOf(makeModel(makeGraph('chain', node, input.slice(0, 2), [makeValueInfo('t3999')], [])));
    const examine = vi.spyOn(ort, 'examine');
    const types = await inferTypes(model, { x: [4, 5] });
    expect(types.get('t3999')).toEqual({ dtype: 'float32', shape: [3, 4, 5] });
    expect(examine).not.toHaveBeenCalled();
    examine.mockRestore();
    await expect(inferTypes(model, { x: [4, 6] })).rejects.toThrow(/wants the shape \[\?, 5\]/);
  });

  test.each([
    // Whole numbers may be sizes: what is made of others is not like what is made of these.
    {
      what: 'of many tensors in portions, each with the nodes that make them alone',
      dtype: 'int64' as const,
      given: [32, 1024, 1024, 170],
    },
    { what: 'of tensors that are made alike once', dtype: 'float32' as const, given: [32] },
  ])('ONNX Runtime is asked $what', async ({ dtype, given }) => {
    const count = 2_250;
    const x = makeValueInfo('x', dtype, ['n', 5]);
    const tensors = ['x', ...Array.from({ length: count }, (_, i) => `t${i}`)];
    const node = tensors
      .slice(1)
      .map((name, i) => makeNode('Transpose', [tensors[i]!], [name], { perm: { ints: [1, 0] } }));
    const model = modelOf(makeModel(makeGraph('chain', node, [x], [makeValueInfo(tensors[count]!)], [])));
    const examine = vi.spyOn(ort, 'examine');
    const types = await inferTypes(model, { x: [4, 5] });
    expect(types.size).toBe(count + 1);
    expect([types.get('t0'), types.get('t2248'), types.get('t2249')].map((type) => type!.shape)).toEqual([
      [5, 4],
      [5, 4],
      [4, 5],
    ]);
    const asked = examine.mock.calls.map(([bytes]) => decodeModel(bytes).graph!);
    expect(asked.map((graph) => graph.output.length)).toEqual(given);
    expect(asked.map((graph) => graph.node.length)).toEqual(given);
    examine.mockRestore();
  });
});

describe('the elements of small initializers', () => {
  const [layers, long] = [200, 4_096];
  const weights = (of: string, elements: (i: number) => number[], dims: number[], dtype: 'float32' | 'int64') =>
    Array.from({ length: layers }, (_, i) => makeTensor(`${of}${i}`, dtype, elements(i), dims));

  async function shapesOf(node: NodeProto[], initializer: TensorProto[]) {
    const x = makeValueInfo('x', 'float32', ['n', 4]);
    const model = modelOf(makeModel(makeGraph('chain', node, [x], [makeValueInfo(`y${layers - 1}`)], initializer)));
    const examine = vi.spyOn(ort, 'examine');
    const types = await inferTypes(model, { x: [long, 4] });
    const asked = examine.mock.calls.map(([bytes]) => decodeModel(bytes).graph!.output.length);
    examine.mockRestore();
    return { asked, shapes: Array.from({ length: layers }, (_, i) => types.get(`y${i}`)!.shape) };
  }

  test('are of no matter where shapes alone tell: ONNX Runtime is asked for the first layers', async () => {
    const node = Array.from({ length: layers }, (_, i) => [
      makeNode('MatMul', [i === 0 ? 'x' : `y${i - 1}`, `w${i}`], [`p${i}`]),
      makeNode('Add', [`p${i}`, `b${i}`], [`s${i}`]),
      makeNode('Tanh', [`s${i}`], [`y${i}`]),
    ]).flat();
    const elements = (length: number) => (i: number) => Array.from({ length }, (_, j) => i + j / 16);
    const initializer = [
      ...weights('w', elements(16), [4, 4], 'float32'),
      ...weights('b', elements(4), [4], 'float32'),
    ];
    const { asked, shapes } = await shapesOf(node, initializer);
    expect(asked).toEqual([32]);
    for (const shape of shapes) expect(shape).toEqual([long, 4]);
  });

  test('tell shapes, also by way of others', async () => {
    const node = Array.from({ length: layers }, (_, i) => [
      makeNode('Mul', [`a${i}`, `f${i}`], [`m${i}`]),
      makeNode('Reshape', ['x', `m${i}`], [`r${i}`]),
      makeNode('Relu', [`r${i}`], [`y${i}`]),
    ]).flat();
    const power = (i: number) => 2 ** (i % 5);
    const initializer = [
      ...weights('a', (i) => [power(i), long / power(i)], [2], 'int64'),
      ...weights('f', (i) => (i % 2 ? [1, 4] : [4, 1]), [2], 'int64'),
    ];
    const { shapes } = await shapesOf(node, initializer);
    shapes.forEach((shape, i) => {
      const [rows, columns] = [power(i), long / power(i)];
      expect(shape).toEqual(i % 2 ? [rows, 4 * columns] : [4 * rows, columns]);
    });
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

  test('of operators that need no asking, either', async () => {
    const [a, b] = ['a', 'b'].map((name) => makeValueInfo(name, 'float32', [null]));
    const graph = makeGraph('', [makeNode('Add', ['a', 'b'], ['y'])], [a!, b!], [makeValueInfo('y', 'float32')]);
    const model = modelOf(makeModel(graph));
    expect((await inferTypes(model, { a: [3], b: [1] })).get('y')!.shape).toEqual([3]);
    await expect(inferTypes(model, { a: [3], b: [4] })).rejects.toThrow(/does not fit these input sizes/);
    await expect(inferTypes(model, { a: [0], b: [4] })).rejects.toThrow(/does not fit these input sizes/);
  });

  test('in relation to each other', async () => {
    const model = await readModel(TOY);
    const dims = { ...toyDims(model, 7, 0), position_ids: [2, 9] };
    await expect(inferTypes(model, dims)).rejects.toThrow(/does not fit these input sizes/);
  });
});

describe('a tensor of unknown rank is no scalar', () => {
  const sum = (axes: boolean) =>
    modelOf(
      makeModel(
        makeGraph(
          '',
          [makeNode('ReduceSum', axes ? ['x', 'axes'] : ['x'], ['y'], { keepdims: { int: 0 } })],
          [makeValueInfo('x', 'float32', [2, 3]), ...(axes ? [makeValueInfo('axes', 'int64', [null])] : [])],
          [makeValueInfo('y', 'float32')],
        ),
      ),
    );

  test('where a value tells along which dimensions is summed', async () => {
    expect((await inferTypes(sum(true))).get('y')).toEqual({ dtype: 'float32', shape: null });
    expect((await inferTypes(sum(false))).get('y')).toEqual({ dtype: 'float32', shape: [] });
  });

  test('where ONNX Runtime infers nothing of what an operator makes', async () => {
    const window = makeNode('HannWindow', ['size'], ['y']);
    const graph = makeGraph('', [window], [makeValueInfo('size', 'int64', [])], [makeValueInfo('y', 'float32')]);
    expect((await inferTypes(modelOf(makeModel(graph)))).get('y')).toEqual({ dtype: 'float32', shape: null });
  });
});
