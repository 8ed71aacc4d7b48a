import { create } from '@bufbuild/protobuf';
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  type GraphProto,
  GraphProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from 'onnx-buf';
import type { DType } from '../graph/types.ts';
import type { OnnxAttribute } from '../lowering/emitter.ts';
import { Tensor } from '../tensor/tensor.ts';
import { elementType } from './dtypes.ts';

/** The small vocabulary of protobuf messages that lowering writes. */
export function onnxNode(
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, OnnxAttribute | GraphProto>> = {},
  name = '',
): NodeProto {
  const attribute = Object.entries(attributes).map(([key, value]) => onnxAttribute(key, value));
  return create(NodeProtoSchema, { opType: op, name, input: [...inputs], output: [...outputs], attribute });
}

function onnxAttribute(name: string, value: OnnxAttribute | GraphProto): AttributeProto {
  const fields = (() => {
    if ('$typeName' in value) return { type: AttributeType.GRAPH, g: value };
    if ('int' in value) return { type: AttributeType.INT, i: BigInt(value.int) };
    if ('float' in value) return { type: AttributeType.FLOAT, f: value.float };
    if ('string' in value) return { type: AttributeType.STRING, s: new TextEncoder().encode(value.string) };
    if ('ints' in value) return { type: AttributeType.INTS, ints: value.ints.map(BigInt) };
    return { type: AttributeType.FLOATS, floats: [...value.floats] };
  })();
  return create(AttributeProtoSchema, { name, ...fields });
}

/** A tensor with its elements inside. */
export function onnxTensor(name: string, dtype: DType, data: readonly number[], dims: readonly number[]): TensorProto {
  const { raw } = Tensor.from([...data], dtype, [...dims]);
  const bytes = new Uint8Array(raw.buffer, raw.byteOffset, raw.byteLength);
  return create(TensorProtoSchema, {
    name,
    dataType: elementType(dtype),
    dims: dims.map(BigInt),
    rawData: new Uint8Array(bytes),
  });
}

/** A name with its element type, and its number of dimensions where it is given. */
export function onnxValue(name: string, dtype: DType, rank: number | null = null): ValueInfoProto {
  const shape = rank === null ? {} : { shape: { dim: Array.from({ length: rank }, () => ({})) } };
  return create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: 'tensorType', value: { elemType: elementType(dtype), ...shape } } },
  });
}

export function onnxGraph(
  name: string,
  node: readonly NodeProto[],
  input: readonly ValueInfoProto[],
  output: readonly ValueInfoProto[],
): GraphProto {
  return create(GraphProtoSchema, { name, node: [...node], input: [...input], output: [...output] });
}
