import { fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
} from 'onnx-buf';
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

/** What a node does, as a text to compare: without its name, and what else says only where it comes from. */
export function nodeText(node: NodeProto): string {
  const plain = changedNode(node, { name: '', docString: '', metadataProps: [] });
  return Buffer.from(toBinary(NodeProtoSchema, plain)).toString('base64');
}

/** What a tensor holds, as a text to compare. */
export function tensorText(tensor: TensorProto): string {
  return Buffer.from(toBinary(TensorProtoSchema, { ...tensor, name: '', docString: '' })).toString('base64');
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
