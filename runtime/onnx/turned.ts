import type { OnnxModel } from './model.ts';

/**
 * Whether ONNX Runtime's optimizer has moved a transposition past the node that makes a tensor, so that its dims stand in
 * another order than the exporter's. The tensor has a new name then, that of the node; the exporter's is `NODE_output_0`.
 */
export function isTurned(tensor: string, model: OnnxModel): boolean {
  return tensor.startsWith('/') && model.makerOf(tensor)?.name === tensor;
}
