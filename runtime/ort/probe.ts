import { create, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from 'onnx-buf';
import { onnxGraph, onnxNode, onnxValue } from '../onnx/messages.ts';

/** A model of one node, to find out whether a device works. */
export function probeModel(): Uint8Array {
  const graph = onnxGraph(
    'probe',
    [onnxNode('Relu', ['x'], ['y'])],
    [onnxValue('x', 'float32', 1)],
    [onnxValue('y', 'float32', 1)],
  );
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, { irVersion: 8n, opsetImport: [{ domain: '', version: 17n }], graph }),
  );
}
