import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NNsight, save, Tensor } from 'onnsight';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { DType } from '../../runtime/graph/types.ts';
import { makeGraph, makeModel, makeNode, makeTensor, makeValueInfo } from '../../runtime/onnx/make.ts';
import type { OnnxModel } from '../../runtime/onnx/model.ts';
import { encodeModel } from '../../runtime/onnx/proto.ts';
import { Cuts } from '../../runtime/partition/cuts.ts';
import { describeFragment } from '../../runtime/partition/fragment.ts';
import { stretchesOf } from '../../runtime/partition/stretches.ts';
import { modelOf } from '../support/models.ts';

/**
 * Two layers as static quantization writes them: a norm's output is quantized (3) and restored (4) for two products, which
 * read weights of bytes. The numbers are large ones, whose sums of two products do not fit in 16 bits: processors without
 * instructions for products of bytes cut these off where ONNX Runtime multiplies bytes, and not where it multiplies floats.
 */
const SIZE = 32;
const NODES = [0, 1].flatMap((layer) => {
  const at = (name: string) => `/layers.${layer}/${name}`;
  const node = (operator: string, inputs: readonly string[], name: string) =>
    makeNode(operator, inputs, [at(`${name}_output_0`)], {}, at(name));
  const quantized = (tensor: string, scale: string) => [
    makeNode('QuantizeLinear', [at(tensor), scale, 'zero'], [at(`${tensor}_quantized`)]),
    makeNode('DequantizeLinear', [at(`${tensor}_quantized`), scale, 'zero'], [at(`${tensor}_restored`)]),
  ];
  const product = (name: string) => [
    node('DequantizeLinear', [name, 'scale', 'zero_signed'], `${name}/DequantizeLinear`),
    node('MatMul', [at('norm/Mul_output_0_restored'), at(`${name}/DequantizeLinear_output_0`)], `${name}/MatMul`),
    ...quantized(`${name}/MatMul_output_0`, 'half'),
  ];
  return [
    node('Mul', [layer === 0 ? 'x' : '/layers.0/Add_output_0', 'half'], 'norm/Mul'),
    ...quantized('norm/Mul_output_0', 'scale'),
    ...product('q_proj'),
    ...product('k_proj'),
    node('Add', [at('q_proj/MatMul_output_0_restored'), at('k_proj/MatMul_output_0_restored')], 'Add'),
  ];
});
const constant = (name: string, dtype: DType, data: readonly number[], dims: readonly number[] = []) =>
  makeTensor(name, dtype, data, dims);
const WEIGHT = Array.from({ length: SIZE * SIZE }, (_, i) => (i % 7 === 0 ? -127 : 127 - (i % 5)));
const GRAPH = makeGraph(
  'quantized',
  [...NODES, makeNode('Identity', ['/layers.1/Add_output_0'], ['y'])],
  [makeValueInfo('x', 'float32', ['n', SIZE])],
  [makeValueInfo('y', 'float32', ['n', SIZE])],
  [
    constant('half', 'float32', [0.5]),
    constant('scale', 'float32', [1 / 128]),
    constant('zero', 'uint8', [0]),
    constant('zero_signed', 'int8', [0]),
    constant('q_proj', 'int8', WEIGHT, [SIZE, SIZE]),
    constant('k_proj', 'int8', [...WEIGHT].reverse(), [SIZE, SIZE]),
  ],
);
const X = Float32Array.from({ length: 2 * SIZE }, (_, i) => 3 + (i % 11) / 11);
const SEGMENTATIONS = ['layers', 'modules', 'taps', 'blocks', 'off'] as const;
const QUANTIZED = '/layers.0/norm/Mul_output_0_quantized';

let folder: string;
let path: string;
let model: OnnxModel;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'restored-'));
  path = join(folder, 'model.onnx');
  await writeFile(path, encodeModel(makeModel(GRAPH)));
  model = modelOf(makeModel(GRAPH));
});

afterAll(() => rm(folder, { recursive: true }));

it('a fragment that reads a restored tensor is handed the quantized one', () => {
  const { nodes, inputs } = describeFragment(model, [4], ['/layers.0/q_proj/MatMul_output_0'], () => undefined);
  expect(nodes).toEqual([2, 3, 4]);
  expect([...inputs.keys()]).toEqual([QUANTIZED]);
});

it('what restores a tensor stays with what makes it', () => {
  const cuts = new Cuts(model, stretchesOf(model, []));
  cuts.cutAt([QUANTIZED, '/layers.0/q_proj/MatMul_output_0']);
  expect(cuts.segmentOf[2]).toBe(cuts.segmentOf[1]);
  expect(cuts.segmentOf[4]).not.toBe(cuts.segmentOf[1]);
});

it('a model that is cut rounds as the whole one does', async () => {
  const session = await InferenceSession.create(path);
  const { y } = await session.run({ x: new OrtTensor('float32', X, [2, SIZE]) });
  const x = Tensor.from([...X], 'float32', [2, SIZE]);
  for (const segmentation of SEGMENTATIONS) {
    const cut = await NNsight.load(path, { device: 'cpu', segmentation });
    const got = await cut.trace({ x }, () => {
      const [first, second] = [cut.get('layers.0'), cut.get('layers.1')];
      return {
        norm: save(first.get('norm').output),
        q: save(second.get('q_proj').output),
        quantized: save(first.ops.QuantizeLinear.output),
        y: save(cut.output),
      };
    });
    expect([...got.y.data], segmentation).toEqual([...(y!.data as Float32Array)]);
    // What the norm gives others is what is restored.
    expect([...got.norm.data].map((one) => Number(one) * 128)).toEqual([...got.quantized.data].map(Number));
  }
});

it('what is set at a quantized tensor, or at what is restored, goes to all who read it', async () => {
  const x = Tensor.from([...X], 'float32', [2, SIZE]);
  for (const segmentation of SEGMENTATIONS) {
    const cut = await NNsight.load(path, { device: 'cpu', segmentation });
    const bytes = await cut.trace({ x }, () => {
      cut.get('layers.1').ops.QuantizeLinear.output[':'] = 0;
      return save(cut.output);
    });
    expect(
      [...bytes.data].every((one) => one === 0),
      segmentation,
    ).toBe(true);
    const floats = await cut.trace({ x }, () => {
      cut.get('layers.1.norm').output[':'] = 0;
      return save(cut.output);
    });
    expect(
      [...floats.data].every((one) => one === 0),
      segmentation,
    ).toBe(true);
  }
});
