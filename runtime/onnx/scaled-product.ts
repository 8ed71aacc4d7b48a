import { floatAttribute, intAttribute } from './attributes.ts';
import { CONTRIB } from './domains.ts';
import type { OnnxModel } from './model.ts';
import type { NodeProto } from './proto.ts';

/*
 * ONNX Runtime's optimizer makes a product and its multiplication by a number one FusedMatMul, whether the number stood in
 * front of the product or behind it, and in whatever module. What it makes has the name of the last of them.
 */

/**
 * The name of the node that multiplied a product by a number, where it stood behind it in another module than the product:
 * the logits of Gemma 2, which it divides before it caps them. Null for all else.
 */
export function scaleBehind(node: NodeProto): string | null {
  const module = moduleOf(node);
  const [, around, scale] = /^(.*)\/((?:Mul|Div)(?:_\d+)?)_output_0$/.exec(node.output[0] ?? '') ?? [];
  return module === null || scale === undefined || around === module ? null : `${around}/${scale}`;
}

/**
 * Whether a tensor is a module's product times a number of which the file does not tell where it stood, as the tensor's name
 * is none of the exporter's: that of an output of the model. What T5 multiplies by is told by its size.
 */
export function isScaled(tensor: string, model: OnnxModel): boolean {
  const maker = model.makerOf(tensor);
  if (!maker || moduleOf(maker) === null || /^\/.*_output_\d+$/.test(tensor)) return false;
  const dims = model.initializers.get(maker.input[1] ?? '')?.dims ?? [];
  const width = Number(dims.at(intAttribute(maker, 'transB') ? -1 : -2) ?? 0);
  return Math.abs(floatAttribute(maker, 'alpha')! * Math.sqrt(width) - 1) > 1e-5;
}

/** The module of a product that has a number in it. */
function moduleOf({ opType, domain, name, attribute }: NodeProto): string | null {
  if (opType !== 'FusedMatMul' || domain !== CONTRIB) return null;
  const alpha = attribute.find((one) => one.name === 'alpha')?.f ?? 1;
  const [, module] = /^(\/.+)\/MatMul(?:_\d+)?\/.*MatMulScaleFusion/.exec(name) ?? [];
  return alpha === 1 ? null : (module ?? null);
}
