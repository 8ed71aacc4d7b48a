import type { Attributes } from '../../../runtime/onnx/make.ts';
import type { Case } from '../harness.ts';
import { distinct, floats, ints, normal } from '../values.ts';
import { oneNode } from './case.ts';

type Dims = readonly number[];

function conv(op: string, name: string, x: Dims, weight: Dims, bias: number, attributes: Attributes = {}): Case {
  const inputs = { x: normal(...x), w: normal(...weight), ...(bias && { b: normal(bias) }) };
  return oneNode(op, inputs, { kernel_shape: { ints: weight.slice(2) }, ...attributes }, { name: `${op} ${name}` });
}

const CONVOLUTIONS: readonly Case[] = [
  conv('Conv', 'padded', [1, 2, 4, 3], [2, 2, 3, 3], 2, { pads: { ints: [1, 1, 1, 1] } }),
  conv('Conv', 'in strides', [1, 2, 7, 8], [2, 2, 3, 2], 0, {
    strides: { ints: [2, 3] },
    pads: { ints: [1, 0, 0, 1] },
  }),
  conv('Conv', 'dilated in strides', [1, 2, 7, 6], [2, 2, 3, 2], 0, {
    dilations: { ints: [2, 1] },
    strides: { ints: [1, 2] },
    pads: { ints: [2, 1, 2, 1] },
  }),
  conv('Conv', 'in groups', [2, 4, 4, 4], [6, 2, 3, 3], 6, {
    group: { int: 2 },
    pads: { ints: [1, 1, 1, 1] },
    strides: { ints: [2, 2] },
  }),
  conv('Conv', 'of each channel', [1, 3, 4, 4], [3, 1, 3, 3], 0, { group: { int: 3 }, pads: { ints: [1, 1, 1, 1] } }),
  conv('Conv', 'of each channel, several', [1, 2, 4, 3], [4, 1, 2, 2], 0, { group: { int: 2 } }),
  conv('Conv', 'along a line', [2, 2, 9], [2, 2, 3], 0, { strides: { ints: [2] }, pads: { ints: [1, 1] } }),
  conv('Conv', 'along a line with a rest', [1, 2, 8], [2, 2, 2], 0, { strides: { ints: [3] } }),
  conv('Conv', 'of patches', [1, 2, 4, 4], [3, 2, 2, 2], 3, { strides: { ints: [2, 2] } }),
  conv('Conv', 'in space', [1, 1, 3, 4, 3], [2, 1, 2, 2, 2], 0, { pads: { ints: [1, 0, 0, 0, 0, 1] } }),
  conv('Conv', 'VALID', [1, 1, 4, 4], [1, 1, 3, 3], 0, { auto_pad: { string: 'VALID' } }),
  ...['SAME_UPPER', 'SAME_LOWER'].map((mode) => ({
    ...conv('Conv', mode, [1, 1, 4, 5], [1, 1, 3, 2], 0, { auto_pad: { string: mode }, strides: { ints: [2, 1] } }),
    refused: { ranks: 'auto_pad', nothing: 'auto_pad' },
  })),
  {
    ...oneNode('Conv', { x: normal(1, 2, 4, 4), w: normal(2, 2, 3, 3) }, {}, { name: 'Conv without kernel_shape' }),
    refused: { nothing: 'kernel' },
  },
  conv('ConvTranspose', 'in strides', [1, 3, 3, 2], [3, 2, 3, 3], 2, {
    strides: { ints: [2, 2] },
    pads: { ints: [1, 0, 1, 0] },
    output_padding: { ints: [1, 0] },
  }),
  conv('ConvTranspose', 'dilated', [1, 2, 3, 3], [2, 2, 2, 2], 0, { dilations: { ints: [2, 1] } }),
  conv('ConvTranspose', 'in groups', [2, 4, 3, 3], [4, 1, 2, 2], 2, { group: { int: 2 }, strides: { ints: [2, 1] } }),
  conv('ConvTranspose', 'in groups of several', [1, 4, 3], [4, 3, 2], 6, { group: { int: 2 } }),
];

function pool(op: string, name: string, x: Dims, kernel: Dims, attributes: Attributes = {}, opset = 20): Case {
  return oneNode(
    op,
    { x: distinct(...x) },
    { kernel_shape: { ints: kernel }, ...attributes },
    { name: `${op} ${name}`, opset },
  );
}

const POOLS: readonly Case[] = [
  pool('MaxPool', 'padded in strides', [1, 2, 7, 6], [3, 3], {
    strides: { ints: [2, 2] },
    pads: { ints: [1, 1, 1, 1] },
  }),
  pool('MaxPool', 'along a line', [2, 2, 7], [2]),
  pool('MaxPool', 'with a rest', [1, 2, 5, 5], [2, 2], { strides: { ints: [2, 2] }, ceil_mode: { int: 1 } }),
  pool('MaxPool', 'dilated', [1, 1, 5, 5], [2, 2], { dilations: { ints: [2, 2] } }),
  pool('MaxPool', 'SAME', [1, 1, 4, 5], [3, 2], { auto_pad: { string: 'SAME_UPPER' } }),
  {
    ...oneNode(
      'MaxPool',
      { x: distinct(1, 2, 4, 4) },
      { kernel_shape: { ints: [2, 2] }, storage_order: { int: 1 } },
      { outputs: ['y', 'i'] },
    ),
    name: 'MaxPool with indices by columns',
  },
  ...[0, 1].map((counted) =>
    pool('AveragePool', `padded, ${counted}`, [2, 2, 7, 5], [3, 2], {
      strides: { ints: [2, 1] },
      pads: { ints: [1, 0, 1, 1] },
      count_include_pad: { int: counted },
    }),
  ),
  pool('AveragePool', 'along a line with a rest', [2, 2, 8], [2], { strides: { ints: [3] } }, 17),
  pool('AveragePool', 'dilated', [1, 2, 5, 5], [2, 2], { dilations: { ints: [2, 1] } }),
  {
    ...pool('AveragePool', 'SAME', [1, 2, 4, 5], [3, 2], { auto_pad: { string: 'SAME_LOWER' } }),
    refused: { ranks: 'auto_pad', nothing: 'auto_pad' },
  },
  oneNode('GlobalAveragePool', { x: normal(2, 3, 4, 2) }),
  oneNode('GlobalMaxPool', { x: distinct(2, 3, 4, 2) }),
];

function resize(
  name: string,
  dims: Dims,
  attributes: Attributes,
  sizes: Dims | null,
  scales: Dims | null,
  refused = {},
): Case {
  const constants = sizes ? { s: ints([...sizes]) } : { s: { ...floats([...scales!]), dtype: 'float32' as const } };
  const order = sizes ? ['x', '', '', 's'] : ['x', '', 's'];
  return oneNode('Resize', { x: normal(...dims) }, attributes, { name: `Resize ${name}`, constants, order, refused });
}

const mode = (name: string, coordinates: string, more: Attributes = {}) => ({
  mode: { string: name },
  coordinate_transformation_mode: { string: coordinates },
  ...more,
});

const UNKNOWN = { nothing: 'number of dimensions', 'no constants': 'number of dimensions' };

const RESIZES: readonly Case[] = [
  resize(
    'to the nearest',
    [1, 2, 3, 4],
    mode('nearest', 'asymmetric', { nearest_mode: { string: 'floor' } }),
    [1, 2, 6, 8],
    null,
  ),
  resize('to the nearest, smaller', [1, 2, 5, 4], mode('nearest', 'half_pixel'), null, [1, 1, 0.5, 0.7]),
  resize('linear', [1, 2, 3, 4], mode('linear', 'half_pixel'), [1, 2, 5, 8], null, UNKNOWN),
  resize('linear by scales', [1, 2, 3, 4], mode('linear', 'half_pixel'), null, [1, 1, 1.7, 2], UNKNOWN),
  resize('linear, smaller', [1, 1, 5, 4], mode('linear', 'pytorch_half_pixel'), [1, 1, 3, 1], null, UNKNOWN),
  resize(
    'linear, of some axes',
    [1, 2, 3, 4],
    mode('linear', 'align_corners', { axes: { ints: [2, 3] } }),
    [5, 3],
    null,
    UNKNOWN,
  ),
  resize('cubic', [1, 2, 4, 4], mode('cubic', 'align_corners'), [1, 2, 7, 6], null, UNKNOWN),
  resize(
    'cubic by scales',
    [1, 1, 4, 4],
    mode('cubic', 'half_pixel', { cubic_coeff_a: { float: -0.5 } }),
    null,
    [1, 1, 1.6, 2],
    UNKNOWN,
  ),
];

/** Gradients by convolutions, pools and resizing. */
export const CONVOLUTION: readonly Case[] = [...CONVOLUTIONS, ...POOLS, ...RESIZES];
