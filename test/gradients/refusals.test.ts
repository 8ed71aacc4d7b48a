import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { backward } from '../../runtime/gradients/backward.ts';
import { GradientError } from '../../runtime/gradients/error.ts';
import type { DType } from '../../runtime/graph/types.ts';
import { type Attributes, makeGraph, makeModel, makeNode, makeValueInfo } from '../../runtime/onnx/make.ts';
import type { NodeProto } from '../../runtime/onnx/proto.ts';

/** A node whose derivative is refused, and why. */
interface Refusal {
  readonly because: string;
  readonly op: string;
  /** '' for inputs that are left out; the gradient by the first one is asked for. */
  readonly inputs: readonly string[];
  readonly attributes?: Attributes;
  readonly outputs?: readonly string[];
  readonly domain?: string;
  /** What the model tells of its inputs: float32[2, 3, 4] unless told; null for nothing. */
  readonly declared?: Readonly<Record<string, readonly [DType, readonly (number | null)[] | null]>>;
  readonly wanted?: string;
  /** The output at which the gradient arrives. */
  readonly at?: string;
}

const int = (value: number) => ({ int: value });
const string = (value: string) => ({ string: value });
const ONNX_RUNTIME = 'com.microsoft';
const flat = { x: ['float32', [2, 3, 8]] } as const;
const apart = { k: ['float32', [2, 2, 3, 4]], v: ['float32', [2, 2, 3, 4]] } as const;
const image = ['float32', [1, 2, 5, 5]] as const;
const kernel = ['float32', [2, 2, 3, 3]] as const;
const quantized = { b: ['uint8', [4, 1, 2]], s: ['float32', [4]], z: ['uint8', [4]], o: ['int32', [4]] } as const;
const experts = {
  r: ['float32', [6, 3]],
  w1: ['float32', [3, 5, 4]],
  w2: ['float32', [3, 4, 5]],
  b1: ['uint8', [3, 6, 2]],
  b2: ['uint8', [3, 4, 3]],
  'b?': ['uint8', null],
  s1: ['float32', [3, 6]],
  s2: ['float32', [3, 4]],
  s3: ['float32', [3, 6, 3]],
} as const;
const FEW_BITS = ['x', 'r', 'b1', 's1', '', 'b2', 's2'] as const;
const recurrent = ['x', 'w', 'r', '', '', '', ''];

/** Graphs that stand in nodes: what a loop draws, and what it does to a list. */
const body = (nodes: readonly NodeProto[], output: string) =>
  makeGraph(
    'body',
    [makeNode('Identity', ['go'], ['on']), ...nodes],
    [makeValueInfo('i', 'int64', []), makeValueInfo('go', 'bool', []), makeValueInfo('a', 'float32', null)],
    [makeValueInfo('on', 'bool', []), makeValueInfo(output, 'float32', null)],
  );
const drawing = body([makeNode('RandomNormalLike', ['a'], ['noise']), makeNode('Mul', ['a', 'noise'], ['b'])], 'b');
const step = makeGraph(
  'step',
  [makeNode('Add', ['s', 'p'], ['n'])],
  ['s', 'p'].map((name) => makeValueInfo(name, 'float32', null)),
  [makeValueInfo('n', 'float32', null)],
);

const REFUSALS: readonly Refusal[] = [
  { because: 'it may be in training mode', op: 'Dropout', inputs: ['x', '', 't'], declared: { t: ['bool', []] } },
  {
    because: 'it is in training mode, in which all rows of a batch depend on each other',
    op: 'BatchNormalization',
    inputs: ['x', 's', 'b', 'm', 'v'],
    attributes: { training_mode: int(1) },
  },
  {
    because: 'the gradient arrives at another output than the first',
    op: 'BatchNormalization',
    inputs: ['x', 's', 'b', 'm', 'v'],
    outputs: ['z', 'y'],
  },
  {
    because: 'the gradient arrives at its statistics',
    op: 'LayerNormalization',
    inputs: ['x', 's'],
    outputs: ['z', 'y'],
  },
  {
    because: 'the number of dimensions of x is not known',
    op: 'LayerNormalization',
    inputs: ['x', 's'],
    attributes: { axis: int(1) },
    declared: { x: ['float32', null] },
  },
  {
    because: "its reduction 'mul' has no derivative here",
    op: 'ScatterElements',
    inputs: ['x', 'i', 'u'],
    attributes: { reduction: string('mul') },
    declared: { i: ['int64', [2, 3, 4]] },
  },
  {
    because: "its reduction 'max' has no derivative here",
    op: 'ScatterND',
    inputs: ['x', 'i', 'u'],
    attributes: { reduction: string('max') },
    declared: { i: ['int64', [1, 1]] },
  },
  {
    because: "the equation sums over the dots of '...i'",
    op: 'Einsum',
    inputs: ['x', 'w'],
    attributes: { equation: string('...i,i->i') },
    declared: { w: ['float32', [4]] },
  },
  {
    because: 'its ceil_mode has no derivative here',
    op: 'AveragePool',
    inputs: ['x'],
    attributes: { kernel_shape: { ints: [2, 2] }, ceil_mode: int(1) },
    declared: { x: image },
  },
  {
    because: 'auto_pad is SAME_UPPER and the size of its input is not known',
    op: 'Conv',
    inputs: ['x', 'w'],
    attributes: { auto_pad: string('SAME_UPPER') },
    declared: { x: ['float32', [1, 2, null, null]], w: kernel },
  },
  {
    because: 'auto_pad is SAME_LOWER and the size of its kernel is not known',
    op: 'Conv',
    inputs: ['x', 'w'],
    attributes: { auto_pad: string('SAME_LOWER') },
    declared: { x: image, w: ['float32', [2, 2, null, null]] },
  },
  {
    because: 'the size of its kernel is not known',
    op: 'Conv',
    inputs: ['x', 'w'],
    declared: { x: image, w: ['float32', null] },
  },
  {
    because: 'its output_shape decides how it is padded',
    op: 'ConvTranspose',
    inputs: ['x', 'w'],
    attributes: { output_shape: { ints: [7, 7] } },
    declared: { x: image, w: kernel },
  },
  {
    because: 'auto_pad decides how it is padded',
    op: 'ConvTranspose',
    inputs: ['x', 'w'],
    attributes: { auto_pad: string('SAME_UPPER') },
    declared: { x: image, w: kernel },
  },
  ...(
    [
      ['its antialias has no derivative here', { antialias: int(1) }],
      ['its crop has no derivative here', { coordinate_transformation_mode: string('tf_crop_and_resize') }],
      ['its keep_aspect_ratio_policy has no derivative here', { keep_aspect_ratio_policy: string('not_larger') }],
    ] as const
  ).map(
    ([because, attributes]): Refusal => ({
      because,
      op: 'Resize',
      inputs: ['x', 'roi', '', 'n'],
      attributes: { mode: string('linear'), ...attributes },
      declared: { x: image, n: ['int64', [4]] },
    }),
  ),
  {
    because: 'what it reads is quantized',
    op: 'DequantizeLinear',
    inputs: ['x', 's'],
    declared: { s: ['float32', []] },
  },
  {
    because: 'scales for parts of a tensor have no derivative here',
    op: 'DequantizeLinear',
    inputs: ['q', 's'],
    declared: { q: ['int8', [2, 3]], s: ['float32', [3]] },
    wanted: 's',
  },
  ...(
    [
      ['the layout with the batch in front has no derivative here', { layout: int(1) }],
      ['clipped activations have no derivative here', { clip: { float: 1 } }],
      ['coupled input and forget gates have no derivative here', { input_forget: int(1) }],
      [
        'the activation function Affine has no derivative here',
        { activations: { strings: ['Affine', 'Tanh', 'Tanh'] } },
      ],
      ['parameters of activation functions have no derivative here', { activation_alpha: { floats: [1] } }],
    ] as const
  ).map(
    ([because, attributes]): Refusal => ({
      because,
      op: 'LSTM',
      inputs: recurrent,
      attributes: { hidden_size: int(4), ...attributes },
    }),
  ),
  {
    because: 'sequences of different lengths have no derivative here',
    op: 'GRU',
    inputs: recurrent.with(4, 'l'),
    attributes: { hidden_size: int(4) },
    declared: { l: ['int32', [3]] },
  },
  {
    because: 'peepholes have no derivative here',
    op: 'LSTM',
    inputs: [...recurrent, 'p'],
    attributes: { hidden_size: int(4) },
  },
  {
    because: 'what it draws would have to be drawn again, and come out differently',
    op: 'Loop',
    inputs: ['n', '', 'x'],
    attributes: { body: { graph: drawing } },
    declared: { n: ['int64', []] },
    wanted: 'x',
  },
  {
    because: 'the number of dimensions of s in the body is not known',
    op: 'Scan',
    inputs: ['x', 'p'],
    attributes: { body: { graph: step }, num_scan_inputs: int(1) },
    declared: { x: ['float32', null], p: ['float32', null] },
  },
  {
    because: 'the number of its heads is not known',
    op: 'Attention',
    inputs: ['x', 'k', 'v'],
    declared: { ...apart, x: ['float32', [2, null, 3, 4]] },
  },
  {
    because: 'a number of keys that count has no derivative here',
    op: 'Attention',
    inputs: ['x', 'k', 'v', '', '', '', 'n'],
    declared: { ...apart, x: ['float32', [2, 2, 3, 4]], n: ['int64', [2]] },
  },
  {
    because: 'the number of its heads is not known',
    op: 'RotaryEmbedding',
    inputs: ['x', 'c', 's', 'p'],
    declared: { ...flat, p: ['int64', [2, 3]], c: ['float32', null], s: ['float32', null] },
  },
  {
    because: 'its scale has no derivative here',
    domain: ONNX_RUNTIME,
    op: 'RotaryEmbedding',
    inputs: ['x', 'p', 'c', 's'],
    attributes: { scale: { float: 2 } },
    declared: { p: ['int64', [2, 3]] },
  },
  {
    because: 'packed batches have no derivative here',
    domain: ONNX_RUNTIME,
    op: 'RotaryEmbedding',
    inputs: ['x', 'p', 'c', 's'],
    attributes: { is_packed_batching: int(1) },
    declared: { p: ['int64', [2, 3]] },
  },
  {
    because: 'a mask with 4 dimensions has no derivative here',
    domain: ONNX_RUNTIME,
    op: 'Attention',
    inputs: ['x', 'w', 'b', 'm'],
    attributes: { num_heads: int(2) },
    declared: { ...flat, m: ['int32', [2, 1, 3, 3]] },
  },
  {
    because: 'its rotary embedding has no derivative here',
    domain: ONNX_RUNTIME,
    op: 'Attention',
    inputs: ['x', 'w', 'b'],
    attributes: { num_heads: int(2), do_rotary: int(1) },
    declared: flat,
  },
  {
    because: 'a past in a buffer has no derivative here',
    domain: ONNX_RUNTIME,
    op: 'Attention',
    inputs: ['x', 'w', 'b'],
    attributes: { num_heads: int(2), past_present_share_buffer: int(1) },
    declared: flat,
  },
  ...(
    [
      ['attention to later tokens has no derivative here', { causal: int(0) }],
      ['a cache that slides has no derivative here', { sliding_window_cache: int(1) }],
    ] as const
  ).map(
    ([because, attributes]): Refusal => ({
      because,
      domain: ONNX_RUNTIME,
      op: 'GroupQueryAttention',
      inputs: ['x', 'k', 'v', '', '', 'n', 't'],
      attributes: { num_heads: int(2), kv_num_heads: int(1), ...attributes },
      declared: { n: ['int32', [2]], t: ['int32', []] },
    }),
  ),
  {
    because: 'packed queries, keys and values have no derivative here',
    domain: ONNX_RUNTIME,
    op: 'MultiHeadAttention',
    inputs: ['x'],
    attributes: { num_heads: int(2) },
  },
  {
    because: 'a bias beside keys that have their heads apart has no derivative here',
    domain: ONNX_RUNTIME,
    op: 'MultiHeadAttention',
    inputs: ['x', 'k', 'v', 'b'],
    attributes: { num_heads: int(2) },
    declared: { ...flat, ...apart },
  },
  {
    because: 'there is no gradient through its output y here',
    domain: ONNX_RUNTIME,
    op: 'SkipLayerNormalization',
    inputs: ['x', 's', 'g', 'b'],
    outputs: ['z', 'y'],
  },
  {
    because: 'its smooth softmax has no derivative here',
    domain: ONNX_RUNTIME,
    op: 'GroupQueryAttention',
    inputs: ['x', 'k', 'v', '', '', 'n', 't'],
    attributes: { num_heads: int(2), kv_num_heads: int(1), smooth_softmax: int(1) },
    declared: { n: ['int32', [2]], t: ['int32', []] },
  },
  {
    because: 'how many elements its rotary embedding turns is not known',
    domain: ONNX_RUNTIME,
    op: 'GroupQueryAttention',
    inputs: ['x', 'k', 'v', '', '', 'n', 't', 'c', 's'],
    attributes: { num_heads: int(2), kv_num_heads: int(1), do_rotary: int(1) },
    declared: { ...flat, n: ['int32', [2]], t: ['int32', []], c: ['float32', [null, null]], s: ['float32', null] },
  },
  ...(
    [
      ['columns in another order have no derivative here', ['x', 'b', 's', '', 'o'], 'x', 4],
      ['the scales of its blocks have no derivative here', ['x', 'b', 's'], 's', 4],
      ['weights of 2 bits have no derivative here', ['x', 'b', 's'], 'x', 2],
    ] as const
  ).map(
    ([because, inputs, wanted, bits]): Refusal => ({
      because,
      domain: ONNX_RUNTIME,
      op: 'MatMulNBits',
      inputs,
      wanted,
      attributes: { N: int(4), K: int(4), block_size: int(16), bits: int(bits) },
      declared: quantized,
    }),
  ),
  ...(
    [
      ['a sparse mixer has no derivative here', 'MoE', ['x', 'r', 'w1', '', 'w2'], { use_sparse_mixer: int(1) }],
      ['a third layer has no derivative here', 'MoE', ['x', 'r', 'w1', '', 'w2', '', 'w1'], {}],
      [
        "the activation 'tanh' has no derivative here",
        'MoE',
        ['x', 'r', 'w1', '', 'w2'],
        { activation_type: string('tanh') },
      ],
      [
        'gates in a layer of their own have no derivative here',
        'MoE',
        ['x', 'r', 'w1', '', 'w2'],
        { activation_type: string('swiglu') },
      ],
      ['weights of 2 bits have no derivative here', 'QMoE', FEW_BITS, { expert_weight_bits: int(2) }],
      ['weights of floats in few bits have no derivative here', 'QMoE', FEW_BITS, { quant_type: string('fp4') }],
      ['the sizes of its weights are not known', 'QMoE', ['x', 'r', 'b?', 's1', '', 'b2', 's2'], {}],
      ['a last block that is not whole has no derivative here', 'QMoE', ['x', 'r', 'b1', 's3', '', 'b2', 's2'], {}],
    ] as const
  ).map(
    ([because, op, inputs, attributes]): Refusal => ({
      because,
      domain: ONNX_RUNTIME,
      op,
      inputs,
      attributes,
      declared: experts,
    }),
  ),
];

function derive({ op, inputs, attributes, outputs = ['y'], domain = '', declared = {}, wanted, at = 'y' }: Refusal) {
  const names = [...new Set(inputs.filter((name) => name !== ''))];
  const infos = names.map((name) => makeValueInfo(name, ...(declared[name] ?? (['float32', [2, 3, 4]] as const))));
  const node = { ...makeNode(op, inputs, outputs, attributes), domain };
  const model = makeModel(makeGraph('graph', [node], infos, [makeValueInfo(at, 'float32')]), 21);
  return () => backward(model, { seeds: [at], wanted: [wanted ?? names[0]!] });
}

it.each(REFUSALS.map((one) => [one.op, one.because, one] as const))('%s: %s', (_op, because, one) => {
  expect(derive(one)).toThrow(GradientError);
  expect(derive(one)).toThrow(because);
});

/** The reasons that rules give, as patterns of what stands between their words. */
function reasons(): RegExp[] {
  const folder = new URL('../../runtime/gradients/', import.meta.url);
  const files = readdirSync(folder, { recursive: true }).filter((file) => String(file).endsWith('.ts'));
  const text = files.map((file) => readFileSync(new URL(String(file), folder), 'utf8')).join('\n');
  const found = [...text.matchAll(/\b(?:refuse|GradientError)\(\s*(?:\w+,\s*)?(['`])(.*?)\1/g)];
  const escaped = (words: string) => words.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return found.map(
    ([, , words]) =>
      new RegExp(
        `^${words!
          .split(/\$\{.*?\}/)
          .map(escaped)
          .join('.+')}$`,
      ),
  );
}

/** Operators without a rule (no-rule.test.ts), and what only a second derivative meets (control-flow.test.ts). */
const ELSEWHERE = [
  'the operator Det has no derivative here',
  'it goes through a list of tensors whose shapes change from iteration to iteration',
];

it('every reason that a rule gives stands here', () => {
  const told = [...REFUSALS.map(({ because }) => because), ...ELSEWHERE];
  const all = reasons();
  expect(all.length).toBeGreaterThan(40);
  expect(all.filter((reason) => !told.some((because) => reason.test(because)))).toEqual([]);
});
