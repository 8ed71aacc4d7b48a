import { describe, expect, it } from 'vitest';
import { capturesOf, readsOf } from '../../runtime/onnx/captures.ts';
import { elementTypes } from '../../runtime/onnx/element-types.ts';
import { calledFunctions } from '../../runtime/onnx/functions.ts';
import { makeFunction, makeGraph, makeModel, makeNode, makeTensor, makeValueInfo } from '../../runtime/onnx/make.ts';
import type { GraphProto, NodeProto } from '../../runtime/onnx/proto.ts';
import { renameAll, renameReads, tensorNames } from '../../runtime/onnx/rename.ts';
import { graphsWithin, mapSubgraphs, nodesWithin, subgraphsOf } from '../../runtime/onnx/subgraphs.ts';
import { mapTensors, tensorsOf } from '../../runtime/onnx/tensors.ts';

const graph = (name: string, nodes: NodeProto[], outputs: string[], inputs: string[] = []) =>
  makeGraph(
    name,
    nodes,
    inputs.map((one) => makeValueInfo(one)),
    outputs.map((one) => makeValueInfo(one)),
  );
const branches = (then: GraphProto, otherwise: GraphProto, output = 'y') =>
  makeNode('If', ['condition'], [output], { then_branch: { graph: then }, else_branch: { graph: otherwise } });

/**
 * An If in whose first branch a Loop reads `a` from two graphs further out and `b` from the branch; its own `state` and
 * the branch's `b` are not what stands around them. The second branch gives `a` as it is.
 */
function nested(): NodeProto {
  const body = graph(
    'body',
    [makeNode('Sum', ['state', 'a', 'b'], ['s'], {}, 'sum')],
    ['on', 's'],
    ['i', 'on', 'state'],
  );
  const loop = makeNode('Loop', ['', '', 'c'], ['l'], { body: { graph: body } }, 'loop');
  const then = graph('then', [makeNode('Neg', ['c'], ['b'], {}, 'neg'), loop], ['l']);
  return branches(then, graph('otherwise', [], ['a']));
}

describe('the subgraphs of a node', () => {
  it('are gone through, each node before those inside of it', () => {
    const node = nested();
    expect(subgraphsOf(node).map(({ name }) => name)).toEqual(['then', 'otherwise']);
    expect([...nodesWithin([node])].map(({ opType }) => opType)).toEqual(['If', 'Neg', 'Loop', 'Sum']);
    const around = graph('around', [node], ['y']);
    expect([...graphsWithin(around)].map(({ name }) => name)).toEqual(['around', 'then', 'body', 'otherwise']);
  });

  it('are replaced in a copy; a node without any is itself', () => {
    const node = nested();
    const other = mapSubgraphs(node, (one) => ({ ...one, name: `new ${one.name}` }));
    expect(subgraphsOf(other).map(({ name }) => name)).toEqual(['new then', 'new otherwise']);
    expect(subgraphsOf(node).map(({ name }) => name)).toEqual(['then', 'otherwise']);
    const plain = makeNode('Neg', ['a'], ['b']);
    expect(mapSubgraphs(plain, (one) => one)).toBe(plain);
  });
});

describe('what is captured', () => {
  it('is what comes from around, through any number of subgraphs', () => {
    expect(new Set(readsOf(nested()))).toEqual(new Set(['condition', 'a', 'c']));
  });

  it('is not what a subgraph makes or is given under the same name', () => {
    const shadowing = graph('g', [makeNode('Neg', ['x'], ['a']), makeNode('Add', ['a', 'z'], ['o'])], ['o'], ['x']);
    expect(capturesOf(shadowing)).toEqual(['z']);
  });

  it('is a tensor that is read before one of its name is made', () => {
    const late = graph('g', [makeNode('Neg', ['a'], ['b']), makeNode('Neg', ['b'], ['a'])], ['a']);
    expect(capturesOf(late)).toEqual(['a']);
  });

  it('is not an initializer of the subgraph', () => {
    const own = makeGraph(
      'g',
      [makeNode('Neg', ['w'], ['o'])],
      [],
      [makeValueInfo('o')],
      [makeTensor('w', 'float32', [1], [1])],
    );
    expect(capturesOf(own)).toEqual([]);
  });
});

describe('renaming what a node reads', () => {
  const renamed = renameReads(nested(), (name) => `new_${name}`);

  it('renames what its subgraphs capture, and nothing of their own', () => {
    expect(renamed.input).toEqual(['new_condition']);
    expect(renamed.output).toEqual(['y']);
    const [then, otherwise] = subgraphsOf(renamed);
    expect(then!.node[0]!.input).toEqual(['new_c']);
    const [body] = subgraphsOf(then!.node[1]!);
    expect(body!.node[0]!.input).toEqual(['state', 'new_a', 'b']);
    expect(then!.node[1]!.input).toEqual(['', '', 'new_c']);
    expect(otherwise!.output.map(({ name }) => name)).toEqual(['new_a']);
  });

  it('leaves the node as it was, and is the node where no name is another', () => {
    const plain = makeNode('Neg', ['a'], ['b']);
    expect(renameReads(plain, (name) => `new_${name}`).input).toEqual(['new_a']);
    expect(plain.input).toEqual(['a']);
    expect(renameReads(plain, (name) => name)).toBe(plain);
  });
});

it('all names of a graph are told and renamed, in its subgraphs too', () => {
  const around = graph('around', [nested()], ['y'], ['condition', 'a', 'c']);
  const names = ['a', 'b', 'c', 'condition', 'i', 'l', 'on', 's', 'state', 'y'];
  expect([...tensorNames(around)].sort()).toEqual(names);
  const other = renameAll(
    around,
    (name) => `t_${name}`,
    (name) => `n_${name}`,
  );
  expect([...tensorNames(other)].sort()).toEqual(names.map((name) => `t_${name}`));
  expect([...nodesWithin(other.node)].map(({ name }) => name)).toEqual(['n_', 'n_neg', 'n_loop', 'n_sum']);
});

describe('the functions and the tensors of a model', () => {
  const constant = (name: string) =>
    makeNode('Constant', [], [name], { value: { tensor: makeTensor(`${name} of a node`, 'float32', [1], []) } });
  const call = (name: string, output: string) => ({ ...makeNode(name, [], [output]), domain: 'made' });
  const model = () => {
    const inner = makeGraph(
      'inner',
      [call('Outer', 'o')],
      [],
      [makeValueInfo('o')],
      [makeTensor('w', 'float32', [1], [])],
    );
    return makeModel(graph('main', [constant('k'), branches(inner, graph('e', [], ['k']))], ['y']), 17, [
      makeFunction('made', 'Outer', [], ['o'], [call('Inner', 'o')]),
      makeFunction('made', 'Inner', [], ['o'], [constant('o')]),
      makeFunction('made', 'Unused', [], ['o'], [call('Inner', 'o')]),
    ]);
  };

  it('are called directly, from subgraphs, and from other functions', () => {
    expect(calledFunctions(model()).map(({ name }) => name)).toEqual(['Outer', 'Inner']);
  });

  it('stand in graphs, subgraphs, nodes and functions', () => {
    const all = ['w', 'k of a node', 'o of a node'];
    expect(tensorsOf(model()).map(({ name }) => name)).toEqual(all);
    const other = mapTensors(model(), (tensor) => ({ ...tensor, name: `new ${tensor.name}` }));
    expect(tensorsOf(other).map(({ name }) => name)).toEqual(all.map((name) => `new ${name}`));
  });
});

it('of 40,000 bodies the types are found: those around a body are not copied for it', () => {
  const count = 40_000;
  const nodes = Array.from({ length: count }, (_, i) => {
    const body = (op: string) => graph(op, [makeNode(op, [`t${i}`], ['r'])], ['r']);
    return branches(body('Relu'), body('Shape'), `t${i + 1}`);
  });
  const types = elementTypes(makeGraph('g', nodes, [makeValueInfo('t0', 'float32')], []));
  // Its branches make floats and whole numbers: the first is taken.
  expect(types.get(`t${count}`)).toBe(types.get('t0'));
  expect(types.size).toBe(count + 1);
});
