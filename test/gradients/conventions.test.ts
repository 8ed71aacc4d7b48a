import { expect, test } from 'vitest';
import type { Attributes } from '../../runtime/onnx/make.ts';
import { oneNode } from './cases/case.ts';
import { type Case, derived, KNOWLEDGE, type Values } from './harness.ts';
import { bools, floats, ints, scalar } from './values.ts';

/** Gradients at kinks, ties, bounds and zeros, the gradient by every element of the output being 1. */
type Convention = readonly [name: string, one: Case, expected: Readonly<Record<string, readonly number[]>>];

const [INFINITY, NAN] = [Number.POSITIVE_INFINITY, Number.NaN];

function at(op: string, x: readonly number[], expected: readonly number[], attributes: Attributes = {}): Convention {
  return [op, oneNode(op, { x: floats(x) }, attributes), { x: expected }];
}

function reduction(op: string, x: readonly number[], expected: readonly number[]): Convention {
  return [`${op} of ${x}`, oneNode(op, { x: floats(x) }, { keepdims: { int: 0 } }), { x: expected }];
}

/** What PyTorch gives. */
const CONVENTIONS: readonly Convention[] = [
  at('Relu', [-1, 0, 1], [0, 0, 1]),
  at('Abs', [-1, 0, 1], [-1, 0, 1]),
  at('LeakyRelu', [-1, 0, 1], [0.25, 0.25, 1], { alpha: { float: 0.25 } }),
  at('Elu', [0, 1], [0.5, 1], { alpha: { float: 0.5 } }),
  at('Selu', [0], [1.7580993408473766]),
  at('ThresholdedRelu', [0.5, 1, 2], [0, 0, 1]),
  at('HardSigmoid', [-2.5, 0, 2.5], [0, 0.2, 0]),
  at('Softplus', [0, 800, -800], [0.5, 1, 0]),
  at('Sqrt', [0, 4], [INFINITY, 0.25]),
  at('Softsign', [0], [1]),
  ['PRelu', oneNode('PRelu', { x: floats([-2, 0, 2]), s: floats([0.25]) }), { x: [0.25, 0.25, 1], s: [-2] }],
  ['Max at a tie', oneNode('Max', { a: floats([1, 2, 3]), b: scalar(2) }), { a: [0, 0.5, 1], b: [1.5] }],
  ['Min at a tie', oneNode('Min', { a: floats([1, 2, 3]), b: scalar(2) }), { a: [1, 0.5, 0], b: [1.5] }],
  [
    'Clip at its bounds',
    oneNode('Clip', { x: floats([-2, -1, 0, 1, 2]), lo: scalar(-1), hi: scalar(1) }),
    { x: [0, 1, 1, 1, 0], lo: [1], hi: [1] },
  ],
  ['Pow to 0', oneNode('Pow', { a: floats([0, 2]) }, {}, { constants: { p: scalar(0) } }), { a: [0, 0] }],
  ['Pow of 0', oneNode('Pow', { a: floats([0, 0, 0]), p: floats([0, 2, 1]) }), { a: [0, 0, 1], p: [0, 0, 0] }],
  [
    'Where, infinite where it is not taken',
    oneNode(
      'Where',
      { a: floats([1, INFINITY]), b: floats([NAN, 2]) },
      {},
      {
        constants: { m: bools([true, false]) },
        order: ['m', 'a', 'b'],
      },
    ),
    { a: [1, 0], b: [0, 1] },
  ],
  reduction('ReduceL2', [0, 0], [0, 0]),
  reduction('ReduceL2', [3, 4], [0.6, 0.8]),
  reduction('ReduceL1', [-2, 0, 3], [-1, 0, 1]),
  reduction('ReduceMax', [1, 3, 3], [0, 0.5, 0.5]),
  reduction('ReduceMin', [1, 1, 3, 1], [1 / 3, 1 / 3, 0, 1 / 3]),
  reduction('ReduceProd', [2, 0, 3], [0, 6, 0]),
  reduction('ReduceProd', [2, 0, 0], [0, 0, 0]),
  reduction('ReduceLogSumExp', [0, -INFINITY, 0], [0.5, 0, 0.5]),
  at('Softmax', [0, -INFINITY], [0, 0]),
  at('LogSoftmax', [0, 0], [0, 0]),
  at('LpNormalization', [0, 0], [0, 0]),
  [
    'MaxPool at a tie',
    oneNode('MaxPool', { x: floats([1, 1, 0, 2], [1, 1, 4]) }, { kernel_shape: { ints: [2] } }),
    { x: [1, 1, 0, 1] },
  ],
  [
    'TopK at a tie',
    oneNode('TopK', { x: floats([1, 1, 0]) }, {}, { constants: { k: ints([1]) }, outputs: ['y', 'i'] }),
    { x: [1, 0, 0] },
  ],
];

function ones({ dims, data }: Values): Values {
  return floats(
    data.map(() => 1),
    dims,
  );
}

/** What the seed is shaped like: an input of the shape of the output. */
const OUTPUTS: Readonly<Record<string, Values>> = {
  MaxPool: floats([0, 0, 0], [1, 1, 3]),
  TopK: floats([0]),
};

function seedFor([, { nodes, inputs }]: Convention): Values {
  const { opType } = nodes[0]!;
  if (opType.startsWith('Reduce')) return scalar(1);
  return ones(OUTPUTS[opType] ?? Object.values(inputs)[0]!);
}

const ALL = CONVENTIONS.flatMap((one) => KNOWLEDGE.map((knowledge) => [one[0], knowledge, one] as const));

test.each(ALL)('%s, knowing %s', async (_name, knowledge, convention) => {
  const [, one, expected] = convention;
  const found = await derived(one, knowledge, 'float32', seedFor(convention));
  for (const [name, values] of Object.entries(expected)) {
    const { data } = found.get(name)!;
    expect(data.map((value) => (Object.is(value, -0) ? 0 : value))).toEqual(
      values.map((value) => (Number.isFinite(value) ? expect.closeTo(value, 5) : value)),
    );
  }
});
