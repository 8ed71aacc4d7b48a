import type { Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { backward } from '../../runtime/gradients/backward.ts';
import { type Attributes, makeNode, makeTensor } from '../../runtime/onnx/make.ts';
import type { NodeProto } from '../../runtime/onnx/proto.ts';
import { type Case, type Declared, floats, int32s, integers, largestError, modelOf, numbers } from './differences.ts';

const CLOSE = 1e-3;

function contrib(
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Attributes = {},
): NodeProto {
  return { ...makeNode(op, inputs, outputs, attributes), domain: 'com.microsoft' };
}

/** A case of one of ONNX Runtime's operators, with the inputs in its order. Those that are null are left out. */
function one(
  op: string,
  inputs: Readonly<Record<string, Tensor | null>>,
  attributes: Attributes = {},
  outputs: readonly string[] = ['y'],
): Case {
  const given = Object.entries(inputs).filter((entry): entry is [string, Tensor] => entry[1] !== null);
  const names = Object.entries(inputs).map(([name, tensor]) => (tensor ? name : ''));
  return {
    inputs: Object.fromEntries(given),
    nodes: [contrib(op, names, outputs, attributes)],
    outputs: outputs.filter((name) => name !== ''),
  };
}

async function expectRight(given: Case, declared?: readonly Declared[]): Promise<void> {
  expect(await largestError(given, declared)).toBeLessThan(CLOSE);
}

function expectRefused(given: Case, reason: string, declared: Declared = 'sizes'): void {
  const wanted = Object.keys(given.inputs).slice(0, 1);
  expect(() => backward(modelOf(given, declared), { seeds: given.outputs.slice(0, 1), wanted })).toThrow(reason);
}

const RANKED = ['sizes', 'ranks'] as const;
const [x, skip] = [floats([2, 3, 4]), floats([2, 3, 4], 2)];

describe('activation functions with biases', () => {
  it.each([
    ['Gelu', { x }],
    ['QuickGelu', { x }],
    ['BiasGelu', { x, bias: floats([4], 2) }],
    ['FastGelu', { x, bias: floats([4], 2) }],
    ['FastGelu', { x }],
  ])('%s', async (op, inputs) => {
    await expectRight(one(op, inputs as Record<string, Tensor>));
  });

  it('QuickGelu with a factor of its own', async () => {
    await expectRight(one('QuickGelu', { x }, { alpha: { float: 0.7 } }));
  });
});

describe('sums with biases that have no kernel on the CPU', () => {
  it('BiasAdd', async () => {
    const sameAs = [makeNode('Add', ['x', 'bias'], ['b']), makeNode('Add', ['b', 'skip'], ['y'])];
    await expectRight({ ...one('BiasAdd', { x, bias: floats([4], 3), skip }), sameAs });
  });

  it('BiasSplitGelu', async () => {
    const sameAs = [
      makeNode('Add', ['x', 'bias'], ['b']),
      makeNode('Split', ['b'], ['left', 'right'], { axis: { int: -1 } }),
      contrib('Gelu', ['right'], ['gelu']),
      makeNode('Mul', ['left', 'gelu'], ['y']),
    ];
    await expectRight({ ...one('BiasSplitGelu', { x, bias: floats([4], 3) }), sameAs });
  });
});

describe('FusedMatMul', () => {
  const matrices = {
    plain: [
      [2, 3, 4],
      [2, 4, 2],
    ],
    A: [
      [2, 4, 3],
      [2, 4, 2],
    ],
    B: [
      [2, 3, 4],
      [2, 2, 4],
    ],
    AB: [
      [2, 4, 3],
      [2, 2, 4],
    ],
  };

  it.each(Object.entries(matrices))('with %s exchanged', async (which, [a, b]) => {
    const flags = {
      transA: { int: +which.includes('A') },
      transB: { int: +which.includes('B') },
      alpha: { float: 0.5 },
    };
    await expectRight(one('FusedMatMul', { a: floats(a!), b: floats(b!, 2) }, flags));
    await expectRight(one('FusedMatMul', { a: floats(a!), b: floats(b!.slice(1), 2) }, flags));
    await expectRight(one('FusedMatMul', { a: floats(a!.slice(1)), b: floats(b!.slice(1), 2) }, flags));
  });

  it('with the batch behind the rows', async () => {
    const [a, b] = [floats([3, 2, 4]), floats([4, 2, 5], 2)];
    await expectRight(one('FusedMatMul', { a, b }, { transBatchA: { int: 1 }, transBatchB: { int: 1 } }), RANKED);
  });

  it('with a vector', async () => {
    await expectRight(one('FusedMatMul', { a: floats([2, 3, 4]), b: floats([4], 2) }, { alpha: { float: 2 } }), RANKED);
  });
});

describe('MatMulNBits', () => {
  const product = (columns: number, bits: number, zeros: 'none' | 'bytes' | 'floats', opset: number): Case => {
    const [rows, size] = [3, 16];
    const blocks = Math.ceil(columns / size);
    const bytes = (count: number, seed: number) => numbers(count, seed).map((value) => Math.floor(128 + 127 * value));
    const weights = [
      makeTensor('w', 'uint8', bytes((rows * blocks * size * bits) / 8, 2), [rows, blocks, (size * bits) / 8]),
      makeTensor('scales', 'float32', numbers(rows * blocks, 3), [rows * blocks]),
    ];
    const packed = bits === 4 ? Math.ceil(blocks / 2) : blocks;
    if (zeros === 'bytes') weights.push(makeTensor('zeros', 'uint8', bytes(rows * packed, 4), [rows * packed]));
    if (zeros === 'floats') weights.push(makeTensor('zeros', 'float32', numbers(rows * blocks, 4), [rows * blocks]));
    const attributes = { K: { int: columns }, N: { int: rows }, bits: { int: bits }, block_size: { int: size } };
    const names = ['x', 'w', 'scales', ...(zeros === 'none' ? [] : ['zeros'])];
    return {
      inputs: { x: floats([2, 2, columns]) },
      nodes: [contrib('MatMulNBits', names, ['y'], attributes)],
      outputs: ['y'],
      weights,
      opset,
    };
  };

  it.each([17, 21])('in operator set %i', async (opset) => {
    for (const bits of [4, 8]) {
      for (const columns of [16, 32, 40]) {
        for (const zeros of ['none', 'bytes'] as const)
          await expectRight(product(columns, bits, zeros, opset), ['sizes']);
      }
    }
    await expectRight(product(32, 4, 'floats', opset), ['nothing']);
  });

  it('reads the packed weight as it lies where the operator set allows it', () => {
    const made = (opset: number) => {
      const { model } = backward(modelOf(product(32, 4, 'none', opset), 'sizes'), { seeds: ['y'], wanted: ['x'] });
      return model.graph!.node.map(({ opType }) => opType);
    };
    expect(made(21)).toContain('DequantizeLinear');
    expect(made(20)).not.toContain('DequantizeLinear');
  });
});

describe('FusedGemm and FusedConv', () => {
  it.each([
    ['Relu', {}],
    ['LeakyRelu', { activation_alpha: { float: 0.2 } }],
    ['Tanh', {}],
    ['Sigmoid', {}],
  ])('FusedGemm with %s', async (activation, parameters) => {
    const inputs = { a: floats([4, 3], 6), b: floats([2, 4], 2), c: floats([2], 3) };
    const attributes = {
      activation: { string: activation },
      transA: { int: 1 },
      transB: { int: 1 },
      alpha: { float: 0.5 },
    };
    await expectRight(one('FusedGemm', inputs, { ...attributes, ...parameters }));
  });

  it.each([
    ['Relu', []],
    ['LeakyRelu', [0.3]],
    ['HardSigmoid', [0.2, 0.5]],
    ['Clip', [-0.7, 0.9]],
    ['Tanh', []],
  ])('FusedConv with %s', async (activation, parameters) => {
    const inputs = {
      x: floats([1, 2, 4, 4], 9),
      w: floats([2, 2, 3, 3], 2),
      b: floats([2], 3),
      z: floats([1, 2, 2, 2], 4),
    };
    const attributes = {
      activation: { string: activation },
      activation_params: { floats: parameters },
      kernel_shape: { ints: [3, 3] },
    };
    await expectRight(one('FusedConv', inputs, attributes), RANKED);
  });
});

describe('normalisations of sums', () => {
  const [gamma, beta, bias] = [floats([4], 3), floats([4], 4), floats([4], 5)];

  it('SkipLayerNormalization', async () => {
    await expectRight(one('SkipLayerNormalization', { x, skip, gamma, beta, bias }, {}, ['n', '', '', 's']));
    await expectRight(one('SkipLayerNormalization', { x, skip, gamma }));
    await expectRight(one('SkipLayerNormalization', { x, skip: floats([3, 4], 2), gamma, beta }));
  });

  it('SkipSimplifiedLayerNormalization', async () => {
    await expectRight(one('SkipSimplifiedLayerNormalization', { x, skip, gamma, bias }, {}, ['n', '', '', 's']));
    await expectRight(one('SkipSimplifiedLayerNormalization', { x, skip, gamma }));
  });

  it('EmbedLayerNormalization', async () => {
    const ids = int32s([3, 0, 1, 2, 2, 1], [2, 3]);
    const segments = int32s([0, 1, 1, 0, 0, 1], [2, 3]);
    const tables = { words: floats([5, 4]), places: floats([6, 4], 2), kinds: floats([2, 4], 6) };
    await expectRight(one('EmbedLayerNormalization', { ids, segments, ...tables, gamma, beta }, {}, ['n', '', 's']), [
      'sizes',
    ]);
    const places = int32s([5, 1, 1, 0, 2, 4], [2, 3]);
    const { words, places: table } = tables;
    const inputs = { ids, none: null, words, table, none2: null, gamma, beta, none3: null, places };
    await expectRight(one('EmbedLayerNormalization', inputs, {}, ['n', '']), ['sizes']);
  });
});

describe('RotaryEmbedding', () => {
  const [cos, sin] = [floats([6, 2], 8), floats([6, 2], 9)];
  const places = integers([0, 2, 5, 1, 1, 3], [2, 3]);

  it.each([0, 1])('of ONNX Runtime, interleaved: %i', async (interleaved) => {
    const attributes = { interleaved: { int: interleaved } };
    await expectRight(
      one('RotaryEmbedding', { x: floats([2, 3, 8]), places, cos, sin }, attributes),
      RANKED.slice(0, 1),
    );
    await expectRight(one('RotaryEmbedding', { x: floats([2, 2, 3, 4]), places, cos, sin }, attributes), RANKED);
    await expectRight(one('RotaryEmbedding', { x: floats([2, 3, 8]), first: integers([2]), cos, sin }, attributes), [
      'sizes',
    ]);
    const part = { ...attributes, rotary_embedding_dim: { int: 4 }, num_heads: { int: 2 } };
    await expectRight(one('RotaryEmbedding', { x: floats([2, 3, 12]), places, cos, sin }, part), RANKED);
  });

  it.each([0, 1])('of ONNX, interleaved: %i', async (interleaved) => {
    const attributes = { interleaved: { int: interleaved }, num_heads: { int: 2 } };
    const standard = (inputs: Record<string, Tensor>, more: Attributes = {}): Case => ({
      inputs,
      nodes: [makeNode('RotaryEmbedding', Object.keys(inputs), ['y'], { ...attributes, ...more })],
      outputs: ['y'],
      opset: 23,
    });
    await expectRight(standard({ x: floats([2, 3, 8]), cos, sin, places }), RANKED);
    await expectRight(
      standard({ x: floats([2, 2, 3, 4]), cos: floats([2, 3, 2], 5), sin: floats([2, 3, 2], 6) }),
      RANKED,
    );
    await expectRight(
      standard({ x: floats([2, 3, 12]), cos, sin, places }, { rotary_embedding_dim: { int: 4 } }),
      RANKED,
    );
  });
});

describe('Attention of ONNX', () => {
  const attention = (
    inputs: Readonly<Record<string, Tensor | null>>,
    attributes: Attributes = {},
    outputs = ['y'],
  ): Case => ({
    ...one('Attention', inputs, {}, outputs),
    nodes: [
      makeNode(
        'Attention',
        Object.entries(inputs).map(([name, tensor]) => (tensor ? name : '')),
        outputs,
        attributes,
      ),
    ],
    opset: 23,
  });
  const [q, k, v] = [floats([2, 2, 3, 4]), floats([2, 2, 5, 4], 2), floats([2, 2, 5, 2], 3)];
  const mask = floats([3, 5], 4);

  it('with its heads apart', async () => {
    await expectRight(attention({ q, k, v }), ['sizes']);
    await expectRight(attention({ q, k, v, mask }, { scale: { float: 0.3 } }), ['sizes']);
    await expectRight(attention({ q, k, v }, { is_causal: { int: 1 }, softcap: { float: 0.8 } }), ['sizes']);
    expectRefused(attention({ q, k, v }), 'heads', 'ranks');
  });

  it('with a mask of truths, and capped scores', async () => {
    const keep = int32s([1, 0, 1, 1, 1, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1], [3, 5]);
    const given = attention({ q, k, v, keep }, { softcap: { float: 0.8 } });
    const nodes = [
      makeNode('Cast', ['keep'], ['mask'], { to: { int: 9 } }),
      { ...given.nodes[0]!, domain: '', input: ['q', 'k', 'v', 'mask'] },
    ];
    await expectRight({ ...given, nodes }, ['sizes']);
    await expectRight(attention({ q, k, v, mask }, { softcap: { float: 0.8 } }), ['sizes']);
  });

  it('with its heads side by side, fewer of keys, and a past', async () => {
    const heads = { q_num_heads: { int: 4 }, kv_num_heads: { int: 2 } };
    const side = { q: floats([2, 3, 8]), k: floats([2, 3, 4], 2), v: floats([2, 3, 4], 3) };
    await expectRight(attention(side, heads), RANKED);
    const past = { pk: floats([2, 2, 2, 2], 5), pv: floats([2, 2, 2, 2], 6) };
    const all = attention({ ...side, none: null, ...past }, { ...heads, is_causal: { int: 1 } }, ['y', 'k2', 'v2']);
    await expectRight(all, RANKED);
  });
});

describe('Attention of ONNX Runtime', () => {
  const inputs = { x: floats([2, 3, 4]), w: floats([4, 12], 2), b: floats([12], 3) };
  const heads = { num_heads: { int: 2 } };

  it('with masks', async () => {
    await expectRight(one('Attention', inputs, heads), RANKED);
    await expectRight(
      one('Attention', inputs, { ...heads, unidirectional: { int: 1 }, scale: { float: 0.4 } }),
      RANKED,
    );
    const rows = int32s([1, 1, 0, 1, 1, 1], [2, 3]);
    await expectRight(one('Attention', { ...inputs, rows }, heads), RANKED);
    const pairs = int32s([1, 1, 0, 1, 0, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 0, 1], [2, 3, 3]);
    await expectRight(one('Attention', { ...inputs, pairs }, heads), RANKED);
    const bias = floats([2, 2, 3, 3], 5);
    await expectRight(one('Attention', { ...inputs, none: null, none2: null, bias }, heads), RANKED);
  });

  it('with lengths, and with a past', async () => {
    await expectRight(one('Attention', { ...inputs, lengths: int32s([2, 3]) }, heads), RANKED);
    const past = { ...inputs, none: null, past: floats([2, 2, 2, 1, 2]) };
    await expectRight(one('Attention', past, { ...heads, unidirectional: { int: 1 } }, ['y', 'present']), RANKED);
  });

  it('with a rotary embedding in it is refused', () => {
    expectRefused(one('Attention', inputs, { ...heads, do_rotary: { int: 1 } }), 'rotary');
  });
});

describe('MultiHeadAttention', () => {
  const inputs = { q: floats([2, 3, 4]), k: floats([2, 5, 4], 2), v: floats([2, 5, 6], 3) };
  const heads = { num_heads: { int: 2 } };

  it('with biases and masks', async () => {
    await expectRight(one('MultiHeadAttention', inputs, heads), RANKED);
    const bias = floats([14], 4);
    await expectRight(one('MultiHeadAttention', { ...inputs, bias }, { ...heads, scale: { float: 0.4 } }), RANKED);
    const mask = int32s([1, 1, 0, 1, 0, 1, 1, 1, 1, 1], [2, 5]);
    await expectRight(one('MultiHeadAttention', { ...inputs, none: null, mask }, heads), RANKED);
    const scores = floats([1, 2, 3, 5], 6);
    await expectRight(one('MultiHeadAttention', { ...inputs, none: null, none2: null, scores }, heads), RANKED);
  });

  it('of one tensor alone, with a past', async () => {
    const self = one('MultiHeadAttention', { x: floats([2, 3, 4]) }, { ...heads, unidirectional: { int: 1 } });
    const nodes = [{ ...self.nodes[0]!, input: ['x', 'x', 'x'] }];
    await expectRight({ ...self, nodes }, RANKED);
    const past = { pk: floats([2, 2, 2, 2], 5), pv: floats([2, 2, 2, 2], 6) };
    const { q, k, v } = { q: floats([2, 3, 4]), k: floats([2, 3, 4], 2), v: floats([2, 3, 4], 3) };
    const blank = { b: null, m: null, s: null };
    await expectRight(one('MultiHeadAttention', { q, k, v, ...blank, ...past }, heads, ['y', 'k2', 'v2']), RANKED);
  });

  it('across, with keys that have their heads apart', async () => {
    const apart = { q: floats([2, 3, 4]), k: floats([2, 2, 5, 2], 2), v: floats([2, 2, 5, 2], 3) };
    await expectRight(one('MultiHeadAttention', apart, heads), RANKED);
  });
});

describe('GroupQueryAttention', () => {
  const heads = { num_heads: { int: 2 }, kv_num_heads: { int: 1 } };
  const [q, k, v] = [floats([2, 3, 16]), floats([2, 3, 8], 2), floats([2, 3, 8], 3)];
  const sizes = (total: number) => ({ last: int32s([total - 1, total - 1]), total: int32s([total], []) });
  const past = { pk: floats([2, 1, 2, 8], 5), pv: floats([2, 1, 2, 8], 6) };
  const without = { pk: null, pv: null };
  const outputs = ['y', 'k2', 'v2'];

  it('without a past', async () => {
    await expectRight(one('GroupQueryAttention', { q, k, v, ...without, ...sizes(3) }, heads, outputs), RANKED);
    const more = { scale: { float: 0.4 }, local_window_size: { int: 2 }, softcap: { float: 0.7 } };
    await expectRight(
      one('GroupQueryAttention', { q, k, v, ...without, ...sizes(3) }, { ...heads, ...more }, outputs),
      RANKED,
    );
  });

  const wide = { q: floats([1, 3, 32]), k: floats([1, 3, 16], 2), v: floats([1, 3, 16], 3) };
  const total = (count: number) => ({ last: int32s([count - 1]), total: int32s([count], []) });
  const [cos, sin] = [floats([8, 8], 8), floats([8, 8], 9)];

  it.each([0, 1])('with a past and a rotary embedding, interleaved: %i', async (interleaved) => {
    const turning = { ...heads, do_rotary: { int: 1 }, rotary_interleaved: { int: interleaved } };
    const next = { q: floats([1, 1, 32]), k: floats([1, 1, 16], 2), v: floats([1, 1, 16], 3) };
    const before = { pk: floats([1, 1, 2, 16], 5), pv: floats([1, 1, 2, 16], 6) };
    const inputs = { ...next, ...before, ...total(3), cos, sin };
    await expectRight(one('GroupQueryAttention', inputs, { ...turning, local_window_size: { int: 2 } }, outputs), [
      'sizes',
    ]);
    await expectRight(one('GroupQueryAttention', { ...wide, ...without, ...total(3), cos, sin }, turning, outputs), [
      'sizes',
    ]);
  });

  it('of one tensor that has all', async () => {
    const inputs = { q: floats([1, 3, 64]), k: null, v: null, ...without, ...total(3), cos, sin };
    await expectRight(one('GroupQueryAttention', inputs, { ...heads, do_rotary: { int: 1 } }, outputs), ['sizes']);
  });

  it('with rows that have only a part of the past fails where it runs', async () => {
    const [single, singleKey, singleValue] = [floats([2, 1, 16]), floats([2, 1, 8], 2), floats([2, 1, 8], 3)];
    const uneven = { last: int32s([2, 1]), total: int32s([3], []) };
    const given = one(
      'GroupQueryAttention',
      { q: single, k: singleKey, v: singleValue, ...past, ...uneven },
      heads,
      outputs,
    );
    await expect(largestError({ ...given, outputs: ['y'] })).rejects.toThrow('indices element out of data bounds');
  });
});
