import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Loose, NNsight, save } from 'onnsight';
import { afterAll, describe, expect, it } from 'vitest';
import {
  makeAttribute,
  makeFunction,
  makeGraph,
  makeModel,
  makeNode,
  makeTensor,
  makeValueInfo,
} from '../../runtime/onnx/make.ts';
import { encodeModel, type FunctionProto, type NodeProto } from '../../runtime/onnx/proto.ts';

const folder = mkdtempSync(join(tmpdir(), 'onnsight-functions-'));
afterAll(() => rmSync(folder, { recursive: true }));

const call = (name: string, inputs: string[], outputs: string[], at: string, attributes = {}): NodeProto => ({
  ...makeNode(name, inputs, outputs, attributes, at),
  domain: 'modules',
});

/** x * weight + bias, of which the bias may be left out. */
const linear = makeFunction(
  'modules',
  'Linear',
  ['x', 'weight'],
  ['y'],
  [makeNode('MatMul', ['x', 'weight'], ['product'], {}, 'MatMul'), makeNode('Neg', ['product'], ['y'], {}, 'Neg')],
);
/** A leaky unit whose slope is an attribute. */
const slope = { ...makeAttribute('alpha', { float: 0 }), refAttrName: 'slope' };
const act: FunctionProto = {
  ...makeFunction(
    'modules',
    'Act',
    ['x'],
    ['y'],
    [{ ...makeNode('LeakyRelu', ['x'], ['y'], {}, 'LeakyRelu'), attribute: [slope] }],
  ),
  attribute: ['slope'],
};
/** Two linear layers around a unit, which gives its input along. */
const block = makeFunction(
  'modules',
  'Block',
  ['x', 'first', 'second'],
  ['y', 'x'],
  [
    call('Linear', ['x', 'first'], ['h'], 'first/Linear'),
    call('Act', ['h'], ['a'], 'act/Act', { slope: { float: 0.5 } }),
    call('Linear', ['a', 'second'], ['y'], 'second/Linear'),
  ],
);

function model(functions: readonly FunctionProto[], nodes: readonly NodeProto[]): Promise<Loose> {
  const weights = ['a', 'b'].map((name, i) => makeTensor(name, 'float32', [1 + i, 0, 0, 2 + i], [2, 2]));
  const [x, y] = [makeValueInfo('x', 'float32', ['n', 2]), makeValueInfo('y', 'float32', ['n', 2])];
  const path = join(folder, `${functions.length}-${nodes.length}.onnx`);
  writeFileSync(path, encodeModel(makeModel(makeGraph('functions', nodes, [x], [y], weights), 17, functions)));
  return NNsight.load<Loose>(path, { device: 'cpu' });
}

describe('what local functions do is a part of the graph', () => {
  const nodes = [
    call('Block', ['x', 'a', 'b'], ['h', 'same'], '/block'),
    makeNode('Add', ['h', 'same'], ['y'], {}, '/Add'),
  ];

  it('modules and operations in them are read and set', async () => {
    const net = await model([linear, act, block], nodes);
    const found = await net.trace({ x: [[1, -2]] }, () => ({
      product: save(net.block.first.Linear.ops.MatMul.output),
      first: save(net.block.first.output),
      act: save(net.block.act.output),
      second: save(net.block.second.output),
      output: save(net.output),
    }));
    expect(found.product.toArray()).toEqual([[1, -4]]);
    expect(found.first.toArray()).toEqual([[-1, 4]]);
    expect(found.act.toArray()).toEqual([[-0.5, 4]]);
    expect(found.second.toArray()).toEqual([[1, -12]]);
    expect(found.output.toArray()).toEqual([[2, -14]]);
    const changed = await net.trace({ x: [[1, -2]] }, () => {
      net.block.act.output = net.block.act.output * 2;
      return save(net.output);
    });
    expect(changed.toArray()).toEqual([[3, -26]]);
  });

  it('the same function is two modules where it is called twice', async () => {
    const net = await model(
      [linear],
      [call('Linear', ['x', 'a'], ['h'], '/one/Linear'), call('Linear', ['h', 'b'], ['y'], '/two/Linear')],
    );
    const [one, two] = await net.trace({ x: [[1, -2]] }, () => [save(net.one.output), save(net.two.output)]);
    expect([one.toArray(), two.toArray()]).toEqual([[[-1, 4]], [[2, -12]]]);
  });
});
