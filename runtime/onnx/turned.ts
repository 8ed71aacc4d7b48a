import type { OnnxModel } from './model.ts';
import type { NodeProto } from './proto.ts';

/**
 * Whether ONNX Runtime's optimizer has moved a transposition past the node that makes a tensor, so that its dims stand in
 * another order than the exporter's. The tensor has a new name then, that of the node; the exporter's is `NODE_output_0`. A node
 * that was fused of several after that has a name by its operator (`Gelu_token_1`), and makes what the last of them made.
 */
export function isTurned(tensor: string, model: OnnxModel): boolean {
  const maker = tensor.startsWith('/') ? model.makerOf(tensor) : undefined;
  return maker !== undefined && makesTurned(maker, tensor);
}

/** The same of what a node makes first. */
export function isTurnedBy(node: NodeProto): boolean {
  const tensor = node.output[0] ?? '';
  return tensor.startsWith('/') && makesTurned(node, tensor);
}

function makesTurned({ name, opType }: NodeProto, tensor: string): boolean {
  const isFused = name.replace(/_token_\d+$/, '') === opType;
  return name === tensor || (isFused && /\/[A-Z]\w*$/.test(tensor) && !/_output_\d+/.test(tensor));
}
