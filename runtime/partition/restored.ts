import { dtypeName } from '../onnx/dtypes.ts';
import type { OnnxModel } from '../onnx/model.ts';
import type { NodeProto } from '../onnx/proto.ts';

const known = new WeakMap<OnnxModel, ReadonlyMap<string, string>>();

/**
 * The tensors of a model that are restored from quantized ones, each with that one. Where a model is cut behind a
 * DequantizeLinear, the quantized tensor goes from session to session, and each reader's has the DequantizeLinear once more:
 * ONNX Runtime computes with integers what it finds in the same session as that, and so rounds as in the whole model.
 */
export function restoredTensors(model: OnnxModel): ReadonlyMap<string, string> {
  let restored = known.get(model);
  if (!restored) {
    restored = new Map(model.graph.node.flatMap((node) => quantizedOf(node, model) ?? []));
    known.set(model, restored);
  }
  return restored;
}

/** The quantized tensor that a tensor is restored from; null for others. */
export function restoredFrom(model: OnnxModel, tensor: string): string | null {
  return restoredTensors(model).get(tensor) ?? null;
}

/** What a DequantizeLinear of a tensor that is not the same in every run makes, and that tensor, as one entry. */
function quantizedOf(
  { opType, input, output }: NodeProto,
  { links, elementTypes }: OnnxModel,
): [[string, string]] | null {
  if (opType !== 'DequantizeLinear') return null;
  const [quantized, ...others] = input;
  const isActivation = links.maker.has(quantized!) && !links.constant.has(quantized!);
  if (!isActivation || !others.every((name) => name === '' || links.constant.has(name))) return null;
  return dtypeName(elementTypes.get(quantized!) ?? 0) === null ? null : [[output[0]!, quantized!]];
}
