import { floatAttribute, intAttribute } from './attributes.ts';
import { CONTRIB } from './domains.ts';
import type { OnnxModel } from './model.ts';
import type { NodeProto, TensorProto } from './proto.ts';

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
 * is none of the exporter's: that of an output of the model. What T5 multiplies by is told by its size, and stands in front of the product by then.
 */
export function isScaled(tensor: string, model: OnnxModel): boolean {
  const maker = model.makerOf(tensor);
  return maker !== undefined && moduleOf(maker) !== null && !/^\/.*_output_\d+$/.test(tensor);
}

/** A number that a linear layer's input was multiplied by, and the path of the module that did it; null where that is not told. */
export interface ScaleInFront {
  readonly factor: number;
  readonly path: string | null;
  /** Whether it was the model between two modules. If not, it may have been the end of the module in front. */
  readonly isBetween: boolean;
}

/**
 * What a linear layer's input was multiplied by, in another module: the half of a GELU, which stands at its end, T5's root of
 * the width, and whatever stands in a product that has its own name. Null for all else.
 * @param makerOf the node that makes a tensor
 */
export function scaleInFront(
  node: NodeProto,
  weight: TensorProto | undefined,
  makerOf: (tensor: string) => NodeProto | undefined,
): ScaleInFront | null {
  const module = moduleOf(node);
  if (module === null || weight === undefined) return null;
  const path = halfGelu(node.input[0]!, makerOf);
  if (path !== null) return { factor: 0.5, path, isBetween: false };
  const factor = floatAttribute(node, 'alpha')!;
  const width = Number(weight.dims.at(intAttribute(node, 'transB') ? -1 : -2) ?? 0);
  const isBetween = Math.abs(factor * Math.sqrt(width) - 1) <= 1e-5;
  const output = node.output[0]!;
  const isOwn =
    output.startsWith(`${module}/MatMul`) && /^MatMul(_\d+)?_output_0$/.test(output.slice(module.length + 1));
  const isNamed = /^\/.*_output_\d+$/.test(output);
  return isOwn || (isBetween && !isNamed) ? { factor, path: null, isBetween } : null;
}

/** The path of a GELU, x (1 + tanh …), that lacks the half at its end; null for another tensor. */
function halfGelu(tensor: string, makerOf: (tensor: string) => NodeProto | undefined): string | null {
  const maker = makerOf(tensor);
  const path = pathOf(tensor);
  if (maker?.opType !== 'Mul' || path === null) return null;
  const isRaised = (one: string) => {
    const sum = makerOf(one);
    return sum?.opType === 'Add' && sum.input.some((part) => /^(Tanh|Erf)$/.test(makerOf(part)?.opType ?? ''));
  };
  // One whose half stands at its beginning multiplies by what it has made itself.
  const [raised, given] = isRaised(maker.input[0]!) ? maker.input : [...maker.input].reverse();
  return isRaised(raised!) && pathOf(given!) !== path ? path : null;
}

function pathOf(tensor: string): string | null {
  return /^(\/.*)\/[^/]+_output_\d+$/.exec(tensor)?.[1] ?? null;
}

/** What the name of a product in front of a linear layer ends with where the module in front may have been the one that made it. */
export const UNCERTAIN = ':perhaps_in_front';

/** The module of a product that has a number in it. */
export function moduleOf({ opType, domain, name, attribute }: NodeProto): string | null {
  if (opType !== 'FusedMatMul' || domain !== CONTRIB) return null;
  const alpha = attribute.find((one) => one.name === 'alpha')?.f ?? 1;
  const [, module] = /^(\/.+)\/MatMul(?:_\d+)?\/.*MatMulScaleFusion/.exec(name) ?? [];
  return alpha === 1 ? null : (module ?? null);
}
