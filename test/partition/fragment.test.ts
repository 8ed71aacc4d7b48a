import { beforeAll, expect, it } from 'vitest';
import type { Value } from '../../runtime/graph/types.ts';
import type { OnnxModel } from '../../runtime/onnx/model.ts';
import { describeFragment } from '../../runtime/partition/fragment.ts';
import { GraphMaker, outputOf } from '../support/graphs.ts';
import { graphModel } from '../support/models.ts';

/** `a = relu(x)`, `t = -float_one` (a constant), `b = a + t`, `c = a · b`, `y = c + float_one`. */
let model: OnnxModel;
const value: Value = outputOf(new GraphMaker().op('exp'));
const nothing = () => undefined;

beforeAll(async () => {
  model = graphModel(
    { x: ['n'] },
    [
      ['Relu', ['x'], 'a'],
      ['Neg', ['float_one'], 't'],
      ['Add', ['a', 't'], 'b'],
      ['Mul', ['a', 'b'], 'c'],
      ['Add', ['c', 'float_one'], 'y'],
    ],
    { float_one: [1] },
  );
});

it('is some nodes, with those that make the constants they need', () => {
  const fragment = describeFragment(model, [2, 3], ['c'], nothing);
  expect(fragment.nodes).toEqual([1, 2, 3]);
  expect([...fragment.initializers]).toEqual(['float_one']);
  expect([...fragment.inputs]).toEqual([['a', 'a']]);
  expect(fragment.outputs).toEqual(['c']);
  expect(fragment.isSpecial).toBe(false);
});

it('is fed what replaces a tensor for all its readers under the name of the tensor', () => {
  const fragment = describeFragment(model, [2, 3], ['c'], (tensor) => (tensor === 'a' ? value : undefined));
  expect([...fragment.inputs]).toEqual([['a', value]]);
  expect(fragment.renamed.size).toBe(0);
  // The same program serves with and without the intervention.
  expect(fragment.key).toBe(describeFragment(model, [2, 3], ['c'], nothing).key);
  expect(fragment.isSpecial).toBe(false);
});

it('has an input more where some readers see the tensor and others what replaces it', () => {
  const onlyMul = (tensor: string, reader: number) => (tensor === 'a' && reader === 3 ? value : undefined);
  const fragment = describeFragment(model, [2, 3], ['c'], onlyMul);
  expect([...fragment.inputs]).toEqual([
    ['a', 'a'],
    ['onnsight/instead_0', value],
  ]);
  expect([...fragment.aliases]).toEqual([['onnsight/instead_0', 'a']]);
  expect([...fragment.renamed].map(([node, names]) => [node, [...names]])).toEqual([
    [3, [['a', 'onnsight/instead_0']]],
  ]);
  expect(fragment.isSpecial).toBe(true);
  expect(fragment.key).not.toBe(describeFragment(model, [2, 3], ['c'], nothing).key);
});

it('gives two values that replace a tensor for different readers two names', () => {
  const other = outputOf(new GraphMaker().op('neg'));
  const each = (tensor: string, reader: number) => (tensor === 'a' ? (reader === 3 ? value : other) : undefined);
  const { inputs, renamed } = describeFragment(model, [2, 3], ['c'], each);
  expect([...inputs]).toEqual([
    ['a', other],
    ['onnsight/instead_0', value],
  ]);
  expect([...renamed.keys()]).toEqual([3]);
});

it('neither makes nor holds a constant that is replaced', () => {
  const fragment = describeFragment(model, [2, 3], ['c'], (tensor) => (tensor === 't' ? value : undefined));
  expect(fragment.nodes).toEqual([2, 3]);
  expect(fragment.initializers.size).toBe(0);
  expect([...fragment.inputs]).toEqual([
    ['a', 'a'],
    ['t', value],
  ]);
  // No other fragment can be used instead: it would make the constant itself.
  expect(fragment.isSpecial).toBe(true);
});

it('has another key for other outputs and other nodes', () => {
  const keys = [
    describeFragment(model, [2, 3], ['c'], nothing),
    describeFragment(model, [2, 3], ['b', 'c'], nothing),
    describeFragment(model, [3], ['c'], nothing),
  ].map(({ key }) => key);
  expect(new Set(keys).size).toBe(3);
});
