import { create } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  NodeProtoSchema,
  TensorProto_DataType,
  TensorProtoSchema,
  TypeProtoSchema,
  ValueInfoProtoSchema,
} from 'onnx-buf';
import type { ModelTensor, OnnxModel } from '../../runtime/onnx/read.ts';
import { fixtureModel } from './run.ts';

type Dims = NonNullable<ModelTensor['dims']>;
type Attributes = Readonly<Record<string, number | string | readonly number[]>>;

/** A node: its operator, what it reads, what it makes, its attributes. */
export type NodeSpec = readonly [op: string, input: readonly string[], output: string, attributes?: Attributes];

/**
 * A model made here: float inputs of these dimensions (a string names a free one, null is a free one without a name),
 * its nodes, and constants, int64 but for those whose name starts with `float`.
 */
export async function graphModel(
  inputs: Readonly<Record<string, Dims>>,
  nodes: readonly NodeSpec[],
  constants: Readonly<Record<string, readonly number[]>> = {},
): Promise<OnnxModel> {
  const model = await fixtureModel('zoo/mlp', 'ts');
  const initializer = Object.entries(constants).map(([name, data]) =>
    create(
      TensorProtoSchema,
      name.startsWith('float')
        ? { name, dataType: TensorProto_DataType.FLOAT, dims: [BigInt(data.length)], floatData: [...data] }
        : { name, dataType: TensorProto_DataType.INT64, dims: [BigInt(data.length)], int64Data: data.map(BigInt) },
    ),
  );
  const node = nodes.map(([opType, input, output, attributes = {}]) =>
    create(NodeProtoSchema, {
      opType,
      input: [...input],
      output: [output],
      attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
    }),
  );
  const output = [create(ValueInfoProtoSchema, { name: nodes.at(-1)![2] })];
  const input = Object.entries(inputs).map(([name, dims]) => valueInfo(name, dims));
  const graph = { ...model.graph, node, initializer, input, output };
  return {
    ...model,
    proto: { ...model.proto, graph },
    graph,
    inputs: Object.entries(inputs).map(([name, dims]) => ({ name, dtype: 'float32', dims })),
  };
}

function valueInfo(name: string, dims: Dims) {
  const dim = dims.map((size) => {
    if (typeof size === 'number') return { value: { case: 'dimValue' as const, value: BigInt(size) } };
    return size === null ? {} : { value: { case: 'dimParam' as const, value: size } };
  });
  const tensorType = { elemType: TensorProto_DataType.FLOAT, shape: { dim } };
  const type = create(TypeProtoSchema, { value: { case: 'tensorType', value: tensorType } });
  return create(ValueInfoProtoSchema, { name, type });
}

function attribute(name: string, value: number | string | readonly number[]) {
  if (typeof value === 'number') {
    return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.INT, i: BigInt(value) });
  }
  if (typeof value === 'string') {
    const s = new TextEncoder().encode(value);
    return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.STRING, s });
  }
  return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.INTS, ints: value.map(BigInt) });
}
