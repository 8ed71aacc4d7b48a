import { makeGraph, makeModel, makeNode, makeValueInfo } from '../../onnx/make.ts';
import { encodeModel } from '../../onnx/proto.ts';

/** A model of one node, to find out whether a device works. */
export function probeModel(): Uint8Array {
  const [x, y] = ['x', 'y'].map((name) => makeValueInfo(name, 'float32', [null]));
  return encodeModel(makeModel(makeGraph('probe', [makeNode('Relu', ['x'], ['y'])], [x!], [y!])));
}
