import type { DType } from '../../runtime/graph/types.ts';
import {
  type AnyAttribute,
  makeGraph,
  makeModel,
  makeNode,
  makeTensor,
  makeValueInfo,
} from '../../runtime/onnx/make.ts';
import { OnnxModel } from '../../runtime/onnx/model.ts';
import type { Dim } from '../../runtime/onnx/model-tensor.ts';
import { OpenedFiles } from '../../runtime/onnx/opened-files.ts';
import type { GraphProto, ModelProto, NodeProto } from '../../runtime/onnx/proto.ts';

/** Attributes by name: numbers are INT, lists of numbers INTS. */
type PlainAttributes = Readonly<Record<string, number | string | readonly number[] | AnyAttribute>>;

/** A node: its operator, its inputs, its outputs, its attributes. */
export type NodeSpec = readonly [op: string, input: readonly string[], output: string, attributes?: PlainAttributes];

export function nodeOf([op, input, output, attributes = {}]: NodeSpec): NodeProto {
  const given = Object.entries(attributes).map(([name, value]): [string, AnyAttribute] => {
    if (typeof value === 'number') return [name, { int: value }];
    if (typeof value === 'string') return [name, { string: value }];
    return [name, 'length' in value ? { ints: value } : value];
  });
  return makeNode(op, input, [output], Object.fromEntries(given));
}

/** Float inputs by name, with their dimensions. */
export type FloatInputs = Readonly<Record<string, readonly Dim[]>>;

export const floatInputs = (inputs: FloatInputs) =>
  Object.entries(inputs).map(([name, dims]) => makeValueInfo(name, 'float32', dims));

/**
 * A model made here: float inputs of these dimensions, its nodes, and constants, int64 but for those whose name starts with
 * `float`. Its output is that of the last node.
 */
export function graphModel(
  inputs: FloatInputs,
  nodes: readonly NodeSpec[],
  constants: Readonly<Record<string, readonly number[]>> = {},
): OnnxModel {
  const initializers = Object.entries(constants).map(([name, data]) => {
    const dtype: DType = name.startsWith('float') ? 'float32' : 'int64';
    return makeTensor(name, dtype, data, [data.length]);
  });
  const outputs = [makeValueInfo(nodes.at(-1)![2])];
  return modelOf(makeModel(makeGraph('made', nodes.map(nodeOf), floatInputs(inputs), outputs, initializers)));
}

/** A model that was never in a file. */
export function modelOf(proto: ModelProto): OnnxModel {
  return new OnnxModel(proto, { path: 'made.onnx', folder: '.', file: 'made.onnx', files: new OpenedFiles() });
}

/** A model that was read, with something else in its graph. */
export function withGraph(model: OnnxModel, changed: Partial<GraphProto>): OnnxModel {
  return new OnnxModel({ ...model.proto, graph: { ...model.graph, ...changed } }, model);
}
