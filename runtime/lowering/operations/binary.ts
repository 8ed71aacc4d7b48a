import { isFloat, promote } from '../../graph/promotion.ts';
import type { DType } from '../../graph/types.ts';
import type { Emitter, LowerPlain } from '../emitter.ts';
import { bitwise } from './bitwise.ts';
import { COMMON, castTo, compute, kernelType, ORDERED, select } from './kernels.ts';
import type { Operand } from './operand.ts';

/** Both operands in the element type they promote to, or in the one given. */
function promoted(
  emitter: Emitter,
  inputs: readonly Operand[],
  dtype: DType = promote(inputs.map((operand) => operand.type)),
): { readonly a: string; readonly b: string; readonly dtype: DType } {
  return { a: castTo(emitter, inputs[0]!, dtype), b: castTo(emitter, inputs[1]!, dtype), dtype };
}

/** Arithmetic in the promoted type; on bools it is a logical operator, if there is one. */
function arithmetic(op: string, onBools: string | null = null, kernels: readonly DType[] = COMMON): LowerPlain {
  return (emitter, inputs, _, [output]) => {
    const { a, b, dtype } = promoted(emitter, inputs, output!.dtype);
    if (dtype === 'bool' && onBools !== null) return [emitter.node(onBools, [a, b])];
    return [compute(emitter, op, [a, b], dtype, kernels)];
  };
}

function comparison(op: string, negated = false): LowerPlain {
  return (emitter, inputs) => {
    const { a, b, dtype } = promoted(emitter, inputs);
    const type = kernelType(dtype, ORDERED);
    const result = emitter.node(op, [emitter.cast(a, dtype, type), emitter.cast(b, dtype, type)]);
    return [negated ? emitter.node('Not', [result]) : result];
  };
}

function logical(op: string): LowerPlain {
  return (emitter, inputs) => {
    const { a, b } = promoted(emitter, inputs, 'bool');
    return [emitter.node(op, [a, b])];
  };
}

/** The remainder has the sign of the divisor: so has ONNX's of whole numbers, but not that of floats. */
const remainder: LowerPlain = (emitter, inputs, _, [output]) => {
  const { a, b, dtype } = promoted(emitter, inputs, output!.dtype);
  if (!isFloat(dtype)) return [compute(emitter, 'Mod', [a, b], dtype, ORDERED)];
  const zero = emitter.constant(dtype, [0]);
  const rest = emitter.node('Mod', [a, b], { fmod: { int: 1 } });
  const opposite = emitter.node('Xor', [emitter.node('Less', [rest, zero]), emitter.node('Less', [b, zero])]);
  const inexact = emitter.node('Not', [emitter.node('Equal', [rest, zero])]);
  const wrong = emitter.node('And', [opposite, inexact]);
  return [emitter.node('Where', [wrong, emitter.node('Add', [rest, b]), rest])];
};

/** ONNX Runtime raises whole numbers as float64: exact up to 2^53. PyTorch's 0 to a negative power is 0. */
const pow: LowerPlain = (emitter, inputs, _, [output]) => {
  const { a, b, dtype } = promoted(emitter, inputs, output!.dtype);
  if (isFloat(dtype)) return [emitter.node('Pow', [a, b])];
  const type = kernelType(dtype);
  const [base, exponent] = [emitter.cast(a, dtype, type), emitter.cast(b, dtype, type)];
  const zero = emitter.constant(type, [0]);
  const pole = emitter.node('And', [emitter.node('Equal', [base, zero]), emitter.node('Less', [exponent, zero])]);
  return [emitter.cast(select(emitter, pole, zero, emitter.node('Pow', [base, exponent]), type), type, dtype)];
};

export const binary = {
  add: arithmetic('Add', 'Or'),
  sub: arithmetic('Sub'),
  mul: arithmetic('Mul', 'And'),
  div: arithmetic('Div'),
  minimum: arithmetic('Min', 'And', ORDERED),
  maximum: arithmetic('Max', 'Or', ORDERED),
  remainder,
  pow,
  eq: comparison('Equal'),
  ne: comparison('Equal', true),
  lt: comparison('Less'),
  le: comparison('LessOrEqual'),
  gt: comparison('Greater'),
  ge: comparison('GreaterOrEqual'),
  logicalAnd: logical('And'),
  logicalOr: logical('Or'),
  bitwiseAnd: bitwise('And'),
  bitwiseOr: bitwise('Or'),
  bitwiseXor: bitwise('Xor'),
};
