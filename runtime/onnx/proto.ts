import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { type ModelProto, ModelProtoSchema, type NodeProto } from 'onnx-buf';
import { checkWellFormed } from './well-formed.ts';

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

/** A model out of bytes of another program. Throws if they are not those of a model. */
export function decodeForeignModel(bytes: Uint8Array): ModelProto {
  const model = decodeModel(bytes);
  checkWellFormed(ModelProtoSchema, bytes);
  return model;
}

/** A model out of bytes that this library or ONNX Runtime wrote. */
export function decodeModel(bytes: Uint8Array): ModelProto {
  return fromBinary(ModelProtoSchema, bytes);
}
