import type { Case } from '../harness.ts';
import { normal, positive, small } from '../values.ts';
import { oneNode } from './case.ts';

const UNKNOWN = { nothing: 'number of dimensions', 'no constants': 'number of dimensions' };

/** Gradients by softmax and normalisations. */
export const NORMALISATION: readonly Case[] = [
  ...['Softmax', 'LogSoftmax'].flatMap((op) => [
    oneNode(op, { x: normal(2, 3, 4) }),
    oneNode(op, { x: normal(2, 3, 4) }, { axis: { int: 1 } }),
    oneNode(op, { x: normal(2, 3, 4) }, { axis: { int: -3 } }, { opset: 17 }),
  ]),
  oneNode('LayerNormalization', { x: normal(2, 3, 4), s: normal(4), b: normal(4) }),
  oneNode('LayerNormalization', { x: normal(2, 3, 4), s: normal(4) }, { epsilon: { float: 0.125 } }, { opset: 17 }),
  oneNode('LayerNormalization', { x: normal(2, 3, 4), s: normal(3, 4), b: normal(3, 4) }, { axis: { int: -2 } }),
  oneNode(
    'LayerNormalization',
    { x: normal(2, 3, 4), s: normal(3, 4), b: normal(4) },
    { axis: { int: 1 } },
    { refused: UNKNOWN },
  ),
  oneNode('SimplifiedLayerNormalization', { x: normal(2, 3, 8), s: normal(8) }, { axis: { int: -1 } }),
  oneNode('RMSNormalization', { x: normal(2, 3, 8), s: normal(8) }, {}, { opset: 23 }),
  oneNode('InstanceNormalization', { x: normal(2, 3, 4, 5), s: normal(3), b: normal(3) }),
  oneNode('InstanceNormalization', { x: normal(2, 3, 5), s: normal(3), b: normal(3) }, { epsilon: { float: 0.125 } }),
  oneNode(
    'GroupNormalization',
    { x: normal(2, 4, 3, 3), s: normal(4), b: normal(4) },
    { num_groups: { int: 2 } },
    { opset: 21, float: 'float32' },
  ),
  oneNode(
    'GroupNormalization',
    { x: normal(2, 4, 3), s: normal(2), b: normal(2) },
    { num_groups: { int: 2 } },
    { opset: 18 },
  ),
  oneNode('BatchNormalization', { x: normal(2, 3, 4), s: normal(3), b: normal(3), m: normal(3), v: positive(3) }),
  oneNode(
    'BatchNormalization',
    { x: normal(2, 3), s: normal(3), b: normal(3), m: normal(3), v: positive(3) },
    { epsilon: { float: 0.125 } },
    { opset: 17 },
  ),
  oneNode(
    'BatchNormalization',
    { x: normal(1, 3, 2, 2) },
    {},
    {
      name: 'BatchNormalization of constants',
      constants: { s: normal(3), b: normal(3), m: normal(3), v: positive(3) },
    },
  ),
  oneNode('LpNormalization', { x: normal(2, 3, 4) }, { axis: { int: 1 } }),
  oneNode('LpNormalization', { x: normal(2, 3, 4) }, { p: { int: 1 } }),
  oneNode(
    'LRN',
    { x: small(2, 7, 2, 3) },
    { size: { int: 3 }, alpha: { float: 0.5 }, beta: { float: 0.75 }, bias: { float: 2 } },
  ),
  oneNode('MeanVarianceNormalization', { x: normal(2, 3, 4, 2) }),
];
