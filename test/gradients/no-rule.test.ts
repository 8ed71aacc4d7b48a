import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { backward } from '../../runtime/gradients/backward.ts';
import { GradientError } from '../../runtime/gradients/error.ts';
import { endsPath } from '../../runtime/gradients/rules/ends.ts';
import { makeGraph, makeModel, makeNode, makeValueInfo } from '../../runtime/onnx/make.ts';
import type { NodeProto } from '../../runtime/onnx/proto.ts';
import { CONVOLUTION } from './cases/convolution.ts';
import { ELEMENTWISE } from './cases/elementwise.ts';
import { INDEXING } from './cases/indexing.ts';
import { NORMALISATION } from './cases/normalisation.ts';
import { PRODUCTS } from './cases/products.ts';
import { REDUCTIONS } from './cases/reductions.ts';
import { SHAPES } from './cases/shapes.ts';

/** All operators of ONNX, by its own list, but the one that reads nothing. */
const fixture = new URL('../fixtures/gradients/operators.json', import.meta.url);
const list = JSON.parse(readFileSync(fixture, 'utf8')) as { operators: string[] };
const operators = list.operators.filter((op) => op !== 'Constant');

/** Those whose derivatives other tests compare with differences: of control flow, recurrent and fused ones. */
const ELSEWHERE = ['If', 'Loop', 'Scan', 'LSTM', 'GRU', 'RNN', 'Attention', 'RotaryEmbedding'];
const CASES = [ELEMENTWISE, PRODUCTS, NORMALISATION, SHAPES, INDEXING, REDUCTIONS, CONVOLUTION].flat();
const compared = new Set([...ELSEWHERE, ...CASES.flatMap(({ nodes }) => nodes.map(({ opType }) => opType))]);

/** What they give is whole numbers, truth values or texts, which have no gradient. */
const NO_FLOATS = [
  ...['ConvInteger', 'DynamicQuantizeLinear', 'ImageDecoder', 'MatMulInteger'],
  ...['OptionalHasElement', 'RegexFullMatch', 'SequenceLength', 'StringSplit'],
];
const ENDING = [...NO_FLOATS, ...operators.filter((op) => endsPath(makeNode(op, ['h'], ['z'])))];
const STANDARD = operators.filter((op) => !compared.has(op) && !ENDING.includes(op));

/** As many as any operator needs. */
const INPUTS = Array<string>(8).fill('h');

/** Of ONNX Runtime and of makers of models. */
const OTHERS: readonly (readonly [domain: string, op: string])[] = [
  ['com.microsoft', 'FusedMatMulActivation'],
  ['com.microsoft', 'LongformerAttention'],
  ['com.microsoft', 'SparseAttention'],
  ['my.company', 'Relu'],
  ['my.company', 'constructor'],
];

function derivativeOf(node: NodeProto) {
  const [x, y] = ['x', 'y'].map((name) => makeValueInfo(name, 'float32', [2, 3]));
  const scaled = makeNode('Mul', ['x', 'x'], ['h']);
  const float = makeNode('CastLike', ['z', 'h'], ['f']);
  const added = makeNode('Add', ['f', 'h'], ['y']);
  const model = makeModel(makeGraph('g', [scaled, node, float, added], [x!], [y!]), 20);
  return () => backward(model, { seeds: ['y'], wanted: ['x'] });
}

describe('an operator of ONNX is compared with differences, ends the path, or is an error', () => {
  it('and those that are known to lack a derivative are among the errors', () => {
    expect(STANDARD).toEqual(
      expect.arrayContaining(['Col2Im', 'Det', 'GridSample', 'MaxUnpool', 'OneHot', 'ReverseSequence', 'RoiAlign']),
    );
  });

  it.each(STANDARD)('%s has no derivative here, which is an error beside another path too', (op) => {
    const derive = derivativeOf(makeNode(op, INPUTS, ['z']));
    expect(derive).toThrow(GradientError);
    expect(derive).toThrow(`the operator ${op} has no derivative here`);
  });

  it.each(ENDING)('%s ends the path: only the other one has a gradient', (op) => {
    const derivative = derivativeOf(makeNode(op, INPUTS, ['z']))();
    expect(derivative.outputs).toEqual(['x']);
    expect(derivative.model.graph!.node.map(({ opType }) => opType)).not.toContain(op);
  });
});

it.each(OTHERS)('%s.%s has none', (domain, op) => {
  const derive = derivativeOf({ ...makeNode(op, ['h'], ['z']), domain });
  expect(derive).toThrow(GradientError);
  expect(derive).toThrow(`the operator ${domain}.${op} has no derivative here`);
});
