import { create, toBinary } from '@bufbuild/protobuf';
import {
  FunctionProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  OperatorSetIdProtoSchema,
} from 'onnx-buf';
import { onnxGraph, onnxNode, onnxTensor, onnxValue } from '../../runtime/onnx/messages.ts';

const constants = [
  onnxTensor('five', 'int64', [5], [1]),
  onnxTensor('one', 'int64', [1], [1]),
  onnxTensor('zero', 'int64', [0], [1]),
  onnxTensor('back', 'int64', [-2], [1]),
  onnxTensor('two', 'int64', [2], [1]),
  onnxTensor('half', 'float32', [0.5], []),
  onnxTensor('rows', 'int64', [2, 4], [2]),
  onnxTensor('row', 'float32', [1, 2, 3, 4], [1, 4]),
  onnxTensor('yes', 'bool', [1], []),
];

const slice = (output: string) => onnxNode('Slice', ['x', 'five', 'one', 'zero', 'back'], [output]);

/** Nodes without names that ONNX Runtime computes wrongly on WebGPU, of `x` = 0, -1, …, -7; what each output is, by hand. */
export const ownNodes: Readonly<
  Record<string, { readonly nodes: readonly NodeProto[]; readonly gives: readonly number[] }>
> = {
  'a slice backward': { nodes: [slice('y')], gives: [-5, -3] },
  'a slice backward in a branch': {
    nodes: [
      onnxNode('If', ['yes'], ['y'], {
        then_branch: onnxGraph('then', [slice('a')], [], [onnxValue('a', 'float32')]),
        else_branch: onnxGraph('else', [onnxNode('Neg', ['x'], ['b'])], [], [onnxValue('b', 'float32')]),
      }),
    ],
    gives: [-5, -3],
  },
  'a slice backward in a function': {
    nodes: [{ ...onnxNode('Backward', ['x', 'five', 'one', 'zero', 'back'], ['y']), domain: 'test' }],
    gives: [-5, -3],
  },
  'slices forward and backward': {
    nodes: [
      onnxNode('Slice', ['x', 'one', 'five', 'zero', 'two'], ['a']),
      onnxNode('Slice', ['a', 'zero', 'five', 'zero', 'one'], ['b']),
      slice('c'),
      onnxNode('Sub', ['b', 'c'], ['y']),
    ],
    gives: [4, 0],
  },
  logarithms: {
    nodes: [onnxNode('Log', ['x'], ['y'])],
    gives: [Number.NEGATIVE_INFINITY, ...Array(7).fill(Number.NaN)],
  },
  roots: { nodes: [onnxNode('Pow', ['x', 'half'], ['y'])], gives: [0, ...Array(7).fill(Number.NaN)] },
  'an einsum that broadcasts': {
    nodes: [
      onnxNode('Reshape', ['x', 'rows'], ['a']),
      onnxNode('Einsum', ['a', 'row'], ['y'], { equation: { string: 'ij,ij->ij' } }),
    ],
    gives: [0, -2, -6, -12, -4, -10, -18, -28],
  },
};

export const given = [0, -1, -2, -3, -4, -5, -6, -7];

/** A model of some nodes that make `y` of `x`. */
export function modelOf(nodes: readonly NodeProto[]): Uint8Array {
  const graph = onnxGraph('test', nodes, [onnxValue('x', 'float32', 1)], [onnxValue('y', 'float32')]);
  const sets = [
    create(OperatorSetIdProtoSchema, { domain: '', version: 17n }),
    create(OperatorSetIdProtoSchema, { domain: 'test', version: 1n }),
  ];
  const names = ['data', 'starts', 'ends', 'axes', 'steps'];
  const backward = create(FunctionProtoSchema, {
    name: 'Backward',
    domain: 'test',
    input: names,
    output: ['out'],
    node: [onnxNode('Slice', names, ['out'])],
    opsetImport: sets,
  });
  const model: ModelProto = create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: sets,
    functions: [backward],
    graph: { ...graph, initializer: constants },
  });
  return toBinary(ModelProtoSchema, model);
}
