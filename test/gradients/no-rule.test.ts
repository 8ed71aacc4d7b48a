import { expect, it } from 'vitest';
import { backward } from '../../runtime/gradients/backward.ts';
import { GradientError } from '../../runtime/gradients/error.ts';
import { makeGraph, makeModel, makeNode, makeValueInfo } from '../../runtime/onnx/make.ts';
import type { NodeProto } from '../../runtime/onnx/proto.ts';

/** Of ONNX, where a float goes in and comes out that depends on it. */
const STANDARD = [
  'AffineGrid',
  'BlackmanWindow',
  'CenterCropPad',
  'Col2Im',
  'DFT',
  'Det',
  'GridSample',
  'MaxRoiPool',
  'MaxUnpool',
  'OneHot',
  'ReverseSequence',
  'RoiAlign',
  'STFT',
  'Unique',
  'Upsample',
];

/** Of ONNX Runtime and of makers of models. */
const OTHERS: readonly (readonly [domain: string, op: string])[] = [
  ['com.microsoft', 'FusedMatMulActivation'],
  ['com.microsoft', 'MoE'],
  ['com.microsoft', 'SparseAttention'],
  ['my.company', 'Relu'],
  ['my.company', 'constructor'],
];

function derivativeOf(node: NodeProto) {
  const [x, y] = ['x', 'y'].map((name) => makeValueInfo(name, 'float32', [2, 3]));
  const scaled = makeNode('Mul', ['x', 'x'], ['h']);
  const added = makeNode('Add', ['z', 'h'], ['y']);
  const model = makeModel(makeGraph('g', [scaled, node, added], [x!], [y!]), 20);
  return () => backward(model, { seeds: ['y'], wanted: ['x'] });
}

it.each(STANDARD)('%s has no derivative here, which is an error beside another path too', (op) => {
  const derive = derivativeOf(makeNode(op, ['h', 'h', 'h'], ['z']));
  expect(derive).toThrow(GradientError);
  expect(derive).toThrow(`the operator ${op} has no derivative here`);
});

it.each(OTHERS)('%s.%s has none', (domain, op) => {
  const derive = derivativeOf({ ...makeNode(op, ['h'], ['z']), domain });
  expect(derive).toThrow(GradientError);
  expect(derive).toThrow(`the operator ${domain}.${op} has no derivative here`);
});
