import { dtypeName } from '../onnx/dtypes.ts';
import type { OnnxModel } from '../onnx/model.ts';

/**
 * The quantized tensor that a tensor is restored from; null for others. Where a model is cut behind a DequantizeLinear, the
 * quantized tensor goes from session to session, and each reader's has the DequantizeLinear once more: ONNX Runtime computes
 * with integers what it finds in the same session as that, and so rounds as in the whole model.
 */
export function restoredFrom({ graph, links, elementTypes }: OnnxModel, tensor: string): string | null {
  const node = graph.node[links.maker.get(tensor) ?? -1];
  if (node?.opType !== 'DequantizeLinear') return null;
  const [quantized, ...others] = node.input;
  const isActivation = links.maker.has(quantized!) && !links.constant.has(quantized!);
  if (!isActivation || !others.every((name) => name === '' || links.constant.has(name))) return null;
  return dtypeName(elementTypes.get(quantized!) ?? 0) === null ? null : quantized!;
}
