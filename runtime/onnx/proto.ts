import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { type ModelProto, ModelProtoSchema, type NodeProto } from 'onnx-buf';

/** ONNX's messages as plain objects, by the names they have in onnx.proto. Nothing outside of this folder imports protobuf. */
export type {
  AttributeProto,
  FunctionProto,
  GraphProto,
  ModelProto,
  NodeProto,
  SparseTensorProto,
  TensorProto,
  TensorShapeProto,
  ValueInfoProto,
} from 'onnx-buf';

/** A node with some other fields. A field of a message that was never set stands in no plain copy of it. */
export function changedNode(node: NodeProto, fields: Partial<NodeProto>): NodeProto {
  return { ...node, name: node.name, domain: node.domain, ...fields };
}

/** A model as the bytes of an .onnx file. */
export function encodeModel(model: ModelProto): Uint8Array {
  return toBinary(ModelProtoSchema, model);
}

/** Throws if the bytes are not those of a model. */
export function decodeModel(bytes: Uint8Array): ModelProto {
  return fromBinary(ModelProtoSchema, bytes);
}
