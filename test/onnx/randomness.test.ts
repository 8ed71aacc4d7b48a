import { describe, expect, it } from 'vitest';
import { makeFunction, makeGraph, makeModel, makeNode, makeTensor, makeValueInfo } from '../../runtime/onnx/make.ts';
import { decodeModel, encodeModel, type FunctionProto, type NodeProto } from '../../runtime/onnx/proto.ts';
import { isRandom } from '../../runtime/onnx/randomness.ts';
import { withOwnSeeds } from '../../runtime/onnx/seeds.ts';
import { nodesWithin } from '../../runtime/onnx/subgraphs.ts';
import { modelOf } from '../support/models.ts';

const flag = (name: string, value: number) => makeTensor(name, 'bool', [value], []);
function model(nodes: NodeProto[], functions: FunctionProto[] = []) {
  const constants = [flag('yes', 1), flag('no', 0), makeTensor('w', 'float32', [1], [1])];
  const inputs = [makeValueInfo('x', 'float32', ['n']), makeValueInfo('told', 'bool', [])];
  const graph = makeGraph('made', nodes, inputs, [makeValueInfo(nodes.at(-1)!.output[0]!, 'float32')], constants);
  return makeModel(graph, 17, functions);
}
const call = (name: string, ...inputs: string[]) => ({ ...makeNode(name, inputs, ['y']), domain: 'made' });
const inBranch = (node: NodeProto) => {
  const branch = { graph: makeGraph('branch', [node], [], [makeValueInfo(node.output[0]!)]) };
  return makeNode('If', ['told'], ['y'], { then_branch: branch, else_branch: branch });
};
const dropout = (...flags: string[]) => makeNode('Dropout', ['x', '', ...flags], ['d']);
const trained = makeFunction('made', 'Trained', ['x', 'flag'], ['d'], [dropout('flag')]);

const RANDOM: Record<string, [NodeProto[], FunctionProto[]?]> = {
  'an operator of ai.onnx': [[{ ...makeNode('RandomNormalLike', ['w'], ['y']), domain: 'ai.onnx' }]],
  'Dropout that is in training': [[dropout('yes')]],
  'Dropout that the run may put in training': [[dropout('told')]],
  'Dropout in a branch, in training by a constant around it': [[inBranch(dropout('yes'))]],
  'Dropout of a function that is called to train': [[call('Trained', 'x', 'yes')], [trained]],
  'BiasDropout in training': [
    [{ ...makeNode('BiasDropout', ['x', 'x', '', '', 'yes'], ['y']), domain: 'com.microsoft' }],
  ],
  Sampling: [[{ ...makeNode('Sampling', ['x'], ['y']), domain: 'com.microsoft' }]],
  'a function with the name of an operator': [
    [call('Relu', 'w')],
    [makeFunction('made', 'Relu', ['x'], ['y'], [makeNode('RandomUniformLike', ['x'], ['y'])])],
  ],
};

const STEADY: Record<string, [NodeProto[], FunctionProto[]?]> = {
  'Dropout that is not told to train': [[dropout()]],
  'Dropout with its training left out': [[dropout('')]],
  'Dropout that is told not to train': [[dropout('no')]],
  'Dropout in a branch that is told not to train': [[inBranch(dropout('no'))]],
  'Dropout told not to train by a node': [
    [makeNode('Constant', [], ['f'], { value: { tensor: flag('', 0) } }), dropout('f')],
  ],
  'Dropout of a function that is called not to train': [[call('Trained', 'x', 'no')], [trained]],
  'Dropout of a function that is called without a flag': [[call('Trained', 'x')], [trained]],
  'an operator of another domain': [[{ ...makeNode('RandomNormal', [], ['y']), domain: 'other' }]],
  'a function with the name of an operator that draws': [
    [call('RandomNormalLike', 'w')],
    [makeFunction('made', 'RandomNormalLike', ['x'], ['y'], [makeNode('Identity', ['x'], ['y'])])],
  ],
  'a function that nothing calls': [
    [makeNode('Relu', ['x'], ['y'])],
    [makeFunction('made', 'Noise', ['x'], ['y'], [makeNode('RandomUniformLike', ['x'], ['y'])])],
  ],
  'a function that calls itself': [
    [call('Self', 'w')],
    [makeFunction('made', 'Self', ['x'], ['y'], [call('Self', 'x')])],
  ],
};

describe('a model is random', () => {
  it.each(Object.entries(RANDOM))('with %s', (_, [nodes, functions]) => {
    expect(isRandom(model(nodes, functions))).toBe(true);
  });

  it.each(Object.entries(STEADY))('not with %s', (_, [nodes, functions]) => {
    expect(isRandom(model(nodes, functions))).toBe(false);
  });
});

describe('links', () => {
  it('tell who makes and who reads a tensor, by captures too', () => {
    const { links } = modelOf(model([makeNode('Neg', ['x'], ['a']), inBranch(makeNode('Add', ['a', 'w'], ['b']))]));
    expect(links.maker.get('y')).toBe(1);
    expect(links.reads).toEqual([['x'], ['told', 'a', 'w']]);
    expect(links.readers.get('a')).toEqual([1]);
  });

  it('take what is drawn for no constant, nor what is made of it; sizes are known all the same', () => {
    const { links } = modelOf(
      model([
        makeNode('RandomNormalLike', ['w'], ['r']),
        makeNode('Neg', ['r'], ['n']),
        makeNode('Shape', ['r'], ['s']),
        makeNode('Neg', ['w'], ['y']),
      ]),
    );
    expect([...links.constant].filter((name) => 'rnsy'.includes(name))).toEqual(['y']);
    expect([...links.structural].filter((name) => 'rnsy'.includes(name))).toEqual(['s', 'y']);
  });
});

describe('seeds', () => {
  const seedsOf = (bytes: Uint8Array) => {
    const { graph, functions } = decodeModel(bytes);
    const nodes = [...nodesWithin(graph!.node), ...functions.flatMap(({ node }) => [...nodesWithin(node)])];
    return nodes.flatMap(({ attribute }) => attribute.filter(({ name }) => name === 'seed').map(({ f }) => f));
  };
  const noise = makeFunction('made', 'Noise', ['x'], ['n'], [makeNode('RandomNormalLike', ['x'], ['n'])]);
  const bytes = encodeModel(
    model(
      [
        makeNode('RandomNormalLike', ['w'], ['a']),
        makeNode('RandomNormalLike', ['w'], ['b'], { seed: { float: 7 } }),
        { ...call('Noise', 'w'), output: ['c'] },
        { ...call('Noise', 'w'), output: ['e'] },
        inBranch(makeNode('RandomUniformLike', ['w'], ['g'])),
      ],
      [noise],
    ),
  );

  it('are given to every node and every call that has none, and no two are the same', () => {
    const [once, again] = [seedsOf(withOwnSeeds(bytes)), seedsOf(withOwnSeeds(bytes))];
    expect(once).toHaveLength(6);
    expect(once.filter((seed) => seed === 7)).toHaveLength(1);
    const given = [...once, ...again].filter((seed) => seed !== 7);
    expect(new Set(given).size).toBe(10);
  });

  it('make each call of a function one of a function of its own', () => {
    const { graph } = decodeModel(withOwnSeeds(bytes));
    const called = graph!.node.filter(({ domain }) => domain === 'made').map(({ opType }) => opType);
    expect(new Set(called).size).toBe(2);
  });
});
