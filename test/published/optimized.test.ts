import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NNsight, ones, save, Tensor } from 'onnsight';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { afterAll, expect, test } from 'vitest';
import {
  type AnyAttribute,
  makeGraph,
  makeModel,
  makeNode,
  makeTensor,
  makeValueInfo,
} from '../../runtime/onnx/make.ts';
import { encodeModel, type NodeProto, type TensorProto } from '../../runtime/onnx/proto.ts';

const folder = mkdtempSync(join(tmpdir(), 'onnsight-optimized-'));
afterAll(() => rmSync(folder, { recursive: true }));

type Spec = readonly [
  op: string,
  name: string,
  inputs: readonly string[],
  output: string,
  attributes?: Record<string, AnyAttribute>,
];

/** A file as ONNX Runtime's optimizer writes it: nodes whose names are paths, and fused ones. */
function fileOf(
  name: string,
  dims: readonly number[],
  specs: readonly Spec[],
  weights: readonly TensorProto[],
): string {
  const nodes: NodeProto[] = specs.map(([op, path, inputs, output, attributes]) => {
    const node = makeNode(op, inputs, [output], attributes ?? {}, path);
    return /^(Fused|FastGelu)/.test(op) ? { ...node, domain: 'com.microsoft' } : node;
  });
  const graph = makeGraph(
    name,
    nodes,
    [makeValueInfo('x', 'float32', dims)],
    [makeValueInfo(specs.at(-1)![3], 'float32')],
    [...weights],
  );
  const path = join(folder, `${name}.onnx`);
  writeFileSync(path, encodeModel(makeModel(graph, 17)));
  return path;
}

async function plainly(path: string, data: Float32Array, dims: readonly number[]): Promise<number[]> {
  const session = await InferenceSession.create(path);
  const [output] = Object.values(await session.run({ x: new OrtTensor('float32', data, dims) }));
  return Array.from(output!.data as Float32Array);
}

test('a linear layer and its activation that ONNX Runtime has fused are modules of their own', async () => {
  const path = fileOf(
    'linear',
    [1, 2],
    [
      [
        'FusedGemm',
        'fused /net/fc/Gemm',
        ['x', 'net.fc.weight', 'net.fc.bias'],
        '/net/act/LeakyRelu_output_0',
        {
          activation: { string: 'LeakyRelu' },
          activation_alpha: { float: 0.5 },
          transB: { int: 1 },
        },
      ],
      ['Neg', '/net/Neg', ['/net/act/LeakyRelu_output_0'], '/net/Neg_output_0'],
    ],
    [
      makeTensor('net.fc.weight', 'float32', [1, 2, -3, -4], [2, 2]),
      makeTensor('net.fc.bias', 'float32', [0.5, 0.25], [2]),
    ],
  );
  const x = Tensor.from([1, 1], 'float32', [1, 2]);
  const model = await NNsight.load(path, { device: 'cpu' });
  const got = await model.trace({ x }, () => ({
    fc: save(model.get('net.fc').output),
    act: save(model.get('net.act').output),
    net: save(model.get('net').output),
  }));
  expect([...got.fc.data, ...got.act.data]).toEqual([3.5, -6.75, 3.5, -3.375]);
  expect([...got.net.data]).toEqual(await plainly(path, Float32Array.of(1, 1), [1, 2]));
  const changed = await model.trace({ x }, () => {
    model.get('net.fc').output = -2 as never;
    return save(model.get('net').output);
  });
  expect([...changed.data]).toEqual([1, 1]);
});

test('a layer that runs twice is fused in each call, also where other nodes run in the middle of the first', async () => {
  const path = fileOf(
    'twice',
    [1, 2],
    [
      ['MatMul', '/net/layer/fc/MatMul', ['x', 'onnx::MatMul_7'], '/net/layer/fc/MatMul_output_0'],
      ['Abs', '/Abs', ['x'], '/Abs_output_0'],
      ['FastGelu', 'FastGelu', ['/net/layer/fc/MatMul_output_0', 'net.layer.fc.bias'], '/net/layer/act/Mul_output_0'],
      ['Add', '/net/layer/Add', ['/net/layer/act/Mul_output_0', '/Abs_output_0'], '/net/layer/Add_output_0'],
      [
        'MatMul',
        '/net/layer/fc_1/MatMul',
        ['/net/layer/Add_output_0', 'onnx::MatMul_7'],
        '/net/layer/fc_1/MatMul_output_0',
      ],
      [
        'FastGelu',
        'FastGelu_token_1',
        ['/net/layer/fc_1/MatMul_output_0', 'net.layer.fc.bias'],
        '/net/layer/act_1/Mul_output_0',
      ],
      ['Add', '/net/layer_1/Add', ['/net/layer/act_1/Mul_output_0', '/Abs_output_0'], '/net/layer_1/Add_output_0'],
      ['Mul', '/Mul', ['/net/layer_1/Add_output_0', '/h.0/Constant_output_0'], 'y'],
    ],
    [
      makeTensor('onnx::MatMul_7', 'float32', [1, 2, -3, 4], [2, 2]),
      makeTensor('net.layer.fc.bias', 'float32', [0.5, 0.25], [2]),
      // As an optimizer names what it has computed.
      makeTensor('/h.0/Constant_output_0', 'float32', [-1, -1], [2]),
    ],
  );
  const x = [1, -2];
  const fc = ([a, b]: number[]) => [a! - 3 * b! + 0.5, 2 * a! + 4 * b! + 0.25];
  const gelu = (v: number) => 0.5 * v * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3)));
  const layer = (given: number[]) => fc(given).map((v, i) => gelu(v) + Math.abs(x[i]!));
  const first = layer(x);
  const model = await NNsight.load(path, { device: 'cpu' });
  expect(String(model)).not.toContain('h.0');
  const got = await model.trace({ x: Tensor.from(x, 'float32', [1, 2]) }, () => ({
    fc: save(model.get('net.layer.fc').output),
    fcAgain: save(model.get('net.layer.fc').calls[1]!.output),
    layer: save(model.get('net.layer').output),
    layerAgain: save(model.get('net.layer').calls[1]!.output),
  }));
  const wanted = { fc: fc(x), fcAgain: fc(first), layer: first, layerAgain: layer(first) };
  for (const [name, values] of Object.entries(wanted)) {
    const found = [...got[name as keyof typeof wanted].data] as number[];
    for (const [i, value] of values.entries()) expect([name, found[i]]).toEqual([name, expect.closeTo(value, 4)]);
  }
  const y = await plainly(path, Float32Array.from(x), [1, 2]);
  expect([...got.layerAgain.data].map((v) => -v)).toEqual(y);
});

test('so are a convolution, what is added to it, and the bounds of what it gives', async () => {
  const dims = [1, 1, 1, 3];
  const path = fileOf(
    'convolution',
    dims,
    [
      [
        'FusedConv',
        '/net/conv/Conv',
        ['x', 'net.conv.weight', 'net.conv.bias', 'x'],
        '/net/act/Clip_output_0',
        {
          activation: { string: 'Clip' },
          activation_params: { floats: [0, 6] },
        },
      ],
      ['Neg', '/net/Neg', ['/net/act/Clip_output_0'], '/net/Neg_output_0'],
    ],
    [makeTensor('net.conv.weight', 'float32', [2], [1, 1, 1, 1]), makeTensor('net.conv.bias', 'float32', [1], [1])],
  );
  const model = await NNsight.load(path, { device: 'cpu' });
  const data = Float32Array.of(-3, 1, 4);
  const got = await model.trace({ x: Tensor.from(data, 'float32', dims) }, () => ({
    conv: save(model.get('net.conv').output),
    act: save(model.get('net.act').output),
    net: save(model.get('net').output),
  }));
  expect([...got.conv.data, ...got.act.data]).toEqual([-5, 3, 9, 0, 4, 6]);
  expect(Array.from(got.net.data, Math.abs)).toEqual((await plainly(path, data, dims)).map(Math.abs));
});

test('a convolution whose weight was quantized after a batch norm was folded into it has no output of its own', async () => {
  const int8 = (name: string, values: readonly number[], dims: readonly number[]) =>
    makeTensor(name, 'int8', values, dims);
  const path = fileOf(
    'quantized',
    [1, 1, 1, 2],
    [
      ['DequantizeLinear', 'onnx::Conv_1_DequantizeLinear', ['onnx::Conv_1_quantized', 'scale'], 'onnx::Conv_1_out'],
      ['Conv', '/net/conv/Conv', ['x', 'onnx::Conv_1_out', 'onnx::Conv_2'], '/net/conv/Conv_output_0'],
      ['Relu', '/net/act/Relu', ['/net/conv/Conv_output_0'], '/net/act/Relu_output_0'],
    ],
    [
      int8('onnx::Conv_1_quantized', [3], [1, 1, 1, 1]),
      makeTensor('scale', 'float32', [0.5], []),
      makeTensor('onnx::Conv_2', 'float32', [1], [1]),
    ],
  );
  const model = await NNsight.load(path, { device: 'cpu' });
  const x = Tensor.from([1, 2], 'float32', [1, 1, 1, 2]);
  await expect(model.trace({ x }, () => save(model.get('net.conv').output))).rejects.toThrow(
    /optimized.test.ts:\d+:\d+ - 'net.conv' is no longer in this file: the exporter has folded it into another module/,
  );
  expect([...(await model.trace({ x }, () => save(model.get('net.act').output))).data]).toEqual([2.5, 4]);
});

test('a tensor past which a transposition was moved is not taken for the module’s output', async () => {
  const path = fileOf(
    'turned',
    [2, 2],
    [
      ['Relu', '/net/act/Relu', ['x'], '/net/act/Relu'],
      ['Neg', '/net/Neg', ['/net/act/Relu'], '/net/Neg'],
      ['Transpose', 'Transpose', ['/net/Neg'], '/net/Neg_output_0'],
    ],
    [],
  );
  const model = await NNsight.load(path, { device: 'cpu' });
  const x = Tensor.from([1, 2, 3, 4], 'float32', [2, 2]);
  await expect(model.trace({ x }, () => save(model.get('net.act').output))).rejects.toThrow(
    /optimized.test.ts:\d+:\d+ - 'net.act' has its output with the dims in another order in this file/,
  );
  const { relu, net } = await model.trace({ x }, () => ({
    relu: save(model.get('net.act').ops.Relu.output),
    net: save(model.get('net').output),
  }));
  expect([...relu.data, ...net.data]).toEqual([1, 2, 3, 4, -1, -3, -2, -4]);
});

test('what a module pools of its last layer is not its first output in transformers', async () => {
  const layers: Spec[] = ['x', '/vit/layers.0/Relu_output_0'].map((input, i) => [
    'Relu',
    `/vit/layers.${i}/Relu`,
    [input],
    `/vit/layers.${i}/Relu_output_0`,
  ]);
  const path = fileOf(
    'pooled',
    [1, 2, 2],
    [
      ...layers,
      [
        'ReduceMean',
        '/vit/ReduceMean',
        ['/vit/layers.1/Relu_output_0'],
        '/vit/ReduceMean_output_0',
        { axes: { ints: [1] } },
      ],
      ['Neg', '/head/Neg', ['/vit/ReduceMean_output_0'], '/head/Neg_output_0'],
    ],
    [],
  );
  const model = await NNsight.load(path, { device: 'cpu' });
  const x = Tensor.from([1, 2, 3, 4], 'float32', [1, 2, 2]);
  await expect(model.trace({ x }, () => save(model.get('vit').output))).rejects.toThrow(
    /only what is pooled leaves 'vit' in this file, .* Use vit.ops.ReduceMean.output, or the output of the last layer/,
  );
  const { pooled, last } = await model.trace({ x }, () => ({
    pooled: save(model.get('vit').ops.ReduceMean.output),
    last: save(model.get('vit.layers.1').output),
  }));
  expect([...pooled.data, ...last.data]).toEqual([2, 3, 1, 2, 3, 4]);
});

/** Files as ONNX Runtime's optimizer writes them of a linear layer `lm_head` and what stands around it. */
async function scaledBy(name: string, specs: readonly Spec[]): Promise<string> {
  const weights = [
    makeTensor('weight', 'float32', [1, 2, 3, 4, 5, 6], [2, 3]),
    makeTensor('three', 'float32', [3], []),
    makeTensor('half', 'float32', [0.5], []),
    makeTensor('one', 'float32', [1], []),
    makeTensor('root', 'float32', [2 ** -0.5], []),
  ];
  const source = fileOf(`${name}-source`, [1, 2], specs, weights);
  const path = join(folder, `${name}.onnx`);
  await InferenceSession.create(source, { graphOptimizationLevel: 'extended', optimizedModelFilePath: path });
  return path;
}

const NORM: Spec = ['Neg', '/norm/Neg', ['x'], '/norm/Neg_output_0'];
const HEAD: Spec = ['MatMul', '/lm_head/MatMul', ['/norm/Neg_output_0', 'weight'], '/lm_head/MatMul_output_0'];
const AT = { x: [[1, -1]] };

test('the logits that a model divides before it caps them are those of its head', async () => {
  const path = await scaledBy('capped', [
    NORM,
    HEAD,
    ['Div', '/Div', ['/lm_head/MatMul_output_0', 'three'], '/Div_output_0'],
    ['Tanh', '/Tanh', ['/Div_output_0'], 'logits'],
  ]);
  const model = await NNsight.load(path, { device: 'cpu' });
  const { head, logits } = await model.trace(AT, () => ({
    head: save(model.lm_head.output),
    logits: save(model.output),
  }));
  expect([...head.data]).toEqual([3, 3, 3]);
  for (const value of logits.data) expect(value).toBeCloseTo(Math.tanh(1), 6);
  const halved = await model.trace(AT, () => {
    model.lm_head.output *= 0.5;
    return save(model.output);
  });
  for (const value of halved.data) expect(value).toBeCloseTo(Math.tanh(0.5), 6);
});

test('a number of which nothing tells where it stood is said', async () => {
  const path = await scaledBy('divided', [
    NORM,
    HEAD,
    ['Div', '/Div', ['/lm_head/MatMul_output_0', 'three'], 'logits'],
  ]);
  const model = await NNsight.load(path, { device: 'cpu' });
  await expect(model.trace(AT, () => save(model.lm_head.output))).rejects.toThrow(
    /optimized.test.ts:\d+:\d+ - 'lm_head' has its output times a number in this file/,
  );
  expect([...(await model.trace(AT, () => save(model.output))).data]).toEqual([1, 1, 1]);
});

test('what T5 multiplies by in front of its head is in what the head makes', async () => {
  const path = await scaledBy('t5', [
    NORM,
    ['Mul', '/Mul', ['/norm/Neg_output_0', 'root'], '/Mul_output_0'],
    ['MatMul', '/lm_head/MatMul', ['/Mul_output_0', 'weight'], 'logits'],
  ]);
  const model = await NNsight.load(path, { device: 'cpu' });
  const head = await model.trace(AT, () => save(model.lm_head.output));
  for (const value of head.data) expect(value).toBeCloseTo(3 / Math.sqrt(2), 6);
});

test('the last linear layer has its dims where its sum is the model’s output', async () => {
  const weights = [
    makeTensor('weight', 'float32', [1, 2, 3, 4], [2, 2]),
    makeTensor('head.bias', 'float32', [1, 2], [2]),
  ];
  const source = fileOf(
    'head-source',
    [1, 3, 2],
    [
      ['Relu', '/act/Relu', ['x'], '/act/Relu_output_0'],
      ['MatMul', '/head/MatMul', ['/act/Relu_output_0', 'weight'], '/head/MatMul_output_0'],
      ['Add', '/head/Add', ['head.bias', '/head/MatMul_output_0'], 'logits'],
    ],
    weights,
  );
  const path = join(folder, 'head.onnx');
  await InferenceSession.create(source, { graphOptimizationLevel: 'extended', optimizedModelFilePath: path });
  const model = await NNsight.load(path, { device: 'cpu' });
  const { head, logits } = await model.trace(
    {
      x: [
        [
          [1, 0],
          [0, 1],
          [1, 1],
        ],
      ],
    },
    () => {
      model.head.output[':, 0'] = 0;
      return { head: save(model.head.output), logits: save(model.output) };
    },
  );
  expect(head.toArray()).toEqual([
    [
      [0, 0],
      [4, 6],
      [5, 8],
    ],
  ]);
  expect(logits.data).toEqual(head.data);
});

const FC: readonly Spec[] = [
  ['MatMul', '/fc/MatMul', ['/act/Mul_1_output_0', 'weight'], '/fc/MatMul_output_0'],
  ['Relu', '/Relu', ['/fc/MatMul_output_0'], 'y'],
];

test('a GELU whose half its optimizer has moved into the layer behind it is whole', async () => {
  const path = await scaledBy('gelu', [
    NORM,
    ['Tanh', '/act/Tanh', ['/norm/Neg_output_0'], '/act/Tanh_output_0'],
    ['Add', '/act/Add', ['/act/Tanh_output_0', 'one'], '/act/Add_output_0'],
    ['Mul', '/act/Mul', ['/norm/Neg_output_0', '/act/Add_output_0'], '/act/Mul_output_0'],
    ['Mul', '/act/Mul_1', ['/act/Mul_output_0', 'half'], '/act/Mul_1_output_0'],
    ...FC,
  ]);
  const model = await NNsight.load(path, { device: 'cpu' });
  const { act, input } = await model.trace(AT, () => ({
    act: save(model.get('act').output),
    input: save(model.get('fc').input),
  }));
  const expected = [-1, 1].map((x) => 0.5 * x * (1 + Math.tanh(x)));
  for (const { data } of [act, input])
    for (const [i, value] of expected.entries()) expect(data[i]).toBeCloseTo(value, 6);
  const set = await model.trace(AT, () => {
    model.get('act').output = ones([1, 2]);
    return save(model.get('fc').output);
  });
  expect([...set.data]).toEqual([5, 7, 9]);
});

test('a number in front of a linear layer that may be the end of another module is said', async () => {
  const path = await scaledBy('tripled', [
    NORM,
    ['Sin', '/act/Sin', ['/norm/Neg_output_0'], '/act/Sin_output_0'],
    ['Mul', '/act/Mul_1', ['/act/Sin_output_0', 'three'], '/act/Mul_1_output_0'],
    ...FC,
  ]);
  const model = await NNsight.load(path, { device: 'cpu' });
  await expect(model.trace(AT, () => save(model.get('act').output))).rejects.toThrow(
    /optimized.test.ts:\d+:\d+ - 'act' has its output without a number that it is multiplied by in this file/,
  );
  const { data } = await model.trace(AT, () => save(model.get('fc').input));
  for (const [i, x] of [-1, 1].entries()) expect(data[i]).toBeCloseTo(3 * Math.sin(x), 6);
});
