import { makeNode } from '../../../runtime/onnx/make.ts';
import type { Case } from '../harness.ts';
import { bools, distinct, int, normal, positive, scalar, small } from '../values.ts';
import { oneNode } from './case.ts';

const SMOOTH =
  'Identity Neg Abs Sin Cos Tanh Sigmoid Softplus Softsign Erf Relu LeakyRelu Elu Celu Selu Exp Sinh Cosh Asinh Atan ' +
  'HardSigmoid HardSwish Gelu Mish';

const KINDS: readonly Case[] = [
  ...SMOOTH.split(' ').map((op) => oneNode(op, { x: normal(3, 4) })),
  ...['Sqrt', 'Log', 'Reciprocal'].map((op) => oneNode(op, { x: positive(3, 4) })),
  ...['Asin', 'Acos', 'Atanh', 'Tan'].map((op) => oneNode(op, { x: small(3, 4) })),
  oneNode('Acosh', { x: { ...positive(3), data: [1.3, 2, 3] } }),
  oneNode('Gelu', { x: normal(3, 4) }, { approximate: { string: 'tanh' } }),
  oneNode('LeakyRelu', { x: normal(3, 4) }, { alpha: { float: 0.25 } }),
  oneNode('Elu', { x: normal(3, 4) }, { alpha: { float: 0.5 } }),
  oneNode('Celu', { x: normal(3, 4) }, { alpha: { float: 0.5 } }),
  oneNode('Selu', { x: normal(3, 4) }, { alpha: { float: 1.5 }, gamma: { float: 2 } }),
  oneNode('HardSigmoid', { x: normal(3, 4) }, { alpha: { float: 0.25 }, beta: { float: 0.375 } }),
  oneNode('ThresholdedRelu', { x: normal(3, 4) }, { alpha: { float: 0.5 } }),
  oneNode('Swish', { x: normal(3, 4) }, { alpha: { float: 1.5 } }, { opset: 24 }),
  oneNode('PRelu', { x: normal(2, 3, 4), s: normal(3, 1) }),
  oneNode('PRelu', { x: normal(2, 3), s: normal(1) }),
  oneNode('Dropout', { x: normal(2, 3) }),
  oneNode('CastLike', { x: normal(2, 3) }, {}, { constants: { like: scalar(0) } }),
];

const SHAPED: readonly Case[] = ['Add', 'Sub', 'Mul', 'Div', 'Max', 'Min', 'Sum', 'Mean'].flatMap((op) => [
  oneNode(op, { a: distinct(2, 3, 4), b: positive(3, 1) }, {}, { name: `${op} of fewer dimensions` }),
  oneNode(op, { a: normal(1, 4), b: positive(2, 3, 4) }, {}, { name: `${op} of fewer dimensions on the left` }),
  oneNode(op, { a: normal(2, 1), b: positive(1, 3) }, {}, { name: `${op} of two that both stretch` }),
  oneNode(op, { a: normal(2, 3), b: positive() }, {}, { name: `${op} with a scalar` }),
  oneNode(op, { a: normal(), b: positive(1, 1) }, {}, { name: `${op} of a scalar` }),
  oneNode(op, { a: normal(0, 3), b: positive(3) }, {}, { name: `${op} of nothing` }),
  oneNode(op, { a: normal(2, 3) }, {}, { name: `${op} with a constant`, constants: { c: positive(3) } }),
  oneNode(
    op,
    { c: positive(2, 1) },
    {},
    { name: `${op} by a constant`, constants: { a: normal(2, 3) }, order: ['a', 'c'] },
  ),
]);

/** Gradients by elementwise operators, with every kind of broadcasting. */
export const ELEMENTWISE: readonly Case[] = [
  {
    name: 'Cast to another float, and back',
    nodes: [
      makeNode('Cast', ['x'], ['wide'], { to: { int: 11 } }),
      makeNode('Mul', ['wide', 'wide'], ['square']),
      makeNode('CastLike', ['square', 'x'], ['y']),
    ],
    inputs: { x: normal(2, 3) },
  },
  {
    name: 'CastLike of a comparison, multiplied',
    nodes: [
      makeNode('Greater', ['x', 'zero'], ['above']),
      makeNode('CastLike', ['above', 'x'], ['mask']),
      makeNode('Mul', ['mask', 'x'], ['masked']),
      makeNode('Mul', ['masked', 'x'], ['y']),
    ],
    inputs: { x: normal(2, 3) },
    constants: { zero: scalar(0) },
  },
  ...KINDS,
  ...SHAPED,
  oneNode('Mul', { a: normal(2, 3) }, {}, { name: 'Mul of the same', order: ['a', 'a'] }),
  oneNode('Max', { a: distinct(2, 3), b: normal(3), c: normal(1, 1) }, {}, { name: 'Max of three' }),
  oneNode('Sum', { a: normal(2, 3), b: normal(3), c: normal(1, 1) }, {}, { name: 'Sum of three' }),
  oneNode('Mean', { a: normal(2, 3), b: normal(3), c: normal(1, 1) }, {}, { name: 'Mean of three' }),
  oneNode('Max', { a: normal(2, 3) }, {}, { name: 'Max of one' }),
  oneNode('Pow', { a: positive(2, 3), b: normal(3) }),
  ...[2, 3, 0, -1.5].map((p) =>
    oneNode('Pow', { a: positive(2, 3) }, {}, { name: `Pow ${p}`, constants: { p: scalar(p) } }),
  ),
  oneNode('Pow', { a: normal(2, 3) }, {}, { name: 'Pow of an integer', constants: { p: int(2) } }),
  oneNode(
    'Mod',
    { a: { ...normal(2, 3), data: [5.1, -4.2, 3.3, 2.2, -1.1, 7.7] }, b: positive(3) },
    { fmod: { int: 1 } },
  ),
  oneNode(
    'Where',
    { a: normal(2, 1), b: normal(3) },
    {},
    {
      constants: { m: bools([true, false, true, false, false, true], [2, 3]) },
      order: ['m', 'a', 'b'],
    },
  ),
  oneNode(
    'Where',
    { a: normal(2, 3), b: normal() },
    {},
    {
      name: 'Where with a condition of fewer dimensions',
      constants: { m: bools([true, false, true], [3]) },
      order: ['m', 'a', 'b'],
    },
  ),
  oneNode('Clip', { x: normal(3, 4), lo: scalar(-0.51), hi: scalar(0.61) }),
  oneNode('Clip', { x: normal(3, 4) }, {}, { constants: { lo: scalar(-0.51) }, name: 'Clip below' }),
  oneNode(
    'Clip',
    { x: normal(3, 4) },
    {},
    { constants: { hi: scalar(0.51) }, order: ['x', '', 'hi'], name: 'Clip above' },
  ),
];
