import { makeFunction, makeGraph, makeModel, makeNode, makeTensor, makeValueInfo } from '../../runtime/onnx/make.ts';
import { encodeModel, type NodeProto } from '../../runtime/onnx/proto.ts';

const constants = [
  makeTensor('five', 'int64', [5], [1]),
  makeTensor('one', 'int64', [1], [1]),
  makeTensor('zero', 'int64', [0], [1]),
  makeTensor('back', 'int64', [-2], [1]),
  makeTensor('two', 'int64', [2], [1]),
  makeTensor('half', 'float32', [0.5], []),
  makeTensor('rows', 'int64', [2, 4], [2]),
  makeTensor('row', 'float32', [1, 2, 3, 4], [1, 4]),
  makeTensor('yes', 'bool', [1], []),
];

const slice = (output: string) => makeNode('Slice', ['x', 'five', 'one', 'zero', 'back'], [output]);

/** Nodes without names that ONNX Runtime computes wrongly on WebGPU, of `x` = 0, -1, …, -7; what each output is, by hand. */
export const ownNodes: Readonly<
  Record<string, { readonly nodes: readonly NodeProto[]; readonly gives: readonly number[] }>
> = {
  'a slice backward': { nodes: [slice('y')], gives: [-5, -3] },
  'a slice backward in a branch': {
    nodes: [
      makeNode('If', ['yes'], ['y'], {
        then_branch: { graph: makeGraph('then', [slice('a')], [], [makeValueInfo('a', 'float32')]) },
        else_branch: { graph: makeGraph('else', [makeNode('Neg', ['x'], ['b'])], [], [makeValueInfo('b', 'float32')]) },
      }),
    ],
    gives: [-5, -3],
  },
  'a slice backward in a function': {
    nodes: [{ ...makeNode('Backward', ['x', 'five', 'one', 'zero', 'back'], ['y']), domain: 'test' }],
    gives: [-5, -3],
  },
  'slices forward and backward': {
    nodes: [
      makeNode('Slice', ['x', 'one', 'five', 'zero', 'two'], ['a']),
      makeNode('Slice', ['a', 'zero', 'five', 'zero', 'one'], ['b']),
      slice('c'),
      makeNode('Sub', ['b', 'c'], ['y']),
    ],
    gives: [4, 0],
  },
  logarithms: {
    nodes: [makeNode('Log', ['x'], ['y'])],
    gives: [Number.NEGATIVE_INFINITY, ...Array(7).fill(Number.NaN)],
  },
  roots: { nodes: [makeNode('Pow', ['x', 'half'], ['y'])], gives: [0, ...Array(7).fill(Number.NaN)] },
  'an einsum that broadcasts': {
    nodes: [
      makeNode('Reshape', ['x', 'rows'], ['a']),
      makeNode('Einsum', ['a', 'row'], ['y'], { equation: { string: 'ij,ij->ij' } }),
    ],
    gives: [0, -2, -6, -12, -4, -10, -18, -28],
  },
};

export const given = [0, -1, -2, -3, -4, -5, -6, -7];

/** A model of some nodes that make `y` of `x`. */
export function modelOf(nodes: readonly NodeProto[]): Uint8Array {
  const [x, y] = [makeValueInfo('x', 'float32', [null]), makeValueInfo('y', 'float32')];
  const names = ['data', 'starts', 'ends', 'axes', 'steps'];
  const backward = makeFunction('test', 'Backward', names, ['out'], [makeNode('Slice', names, ['out'])]);
  return encodeModel(makeModel(makeGraph('test', nodes, [x], [y], constants), 17, [backward]));
}
