import { floating, isFloat } from '../../graph/promotion.ts';
import type { DType } from '../../graph/types.ts';
import type { Emitter, Lower, LowerPlain } from '../emitter.ts';
import { binary } from './binary.ts';
import { bitwiseNot } from './bitwise.ts';
import { exactly } from './exactly.ts';
import { castTo, compute, select } from './kernels.ts';
import { selectOther, selectSigned } from './select.ts';

/** A function on floats; whole numbers and bools are converted first. */
function onFloats(op: string, kernels: readonly DType[] = ['float16', 'float32', 'float64']): LowerPlain {
  return (emitter, [x]) => {
    const dtype = floating(x!.type.dtype);
    return [compute(emitter, op, [castTo(emitter, x!, dtype)], dtype, kernels)];
  };
}

function onNumbers(op: string): LowerPlain {
  return (emitter, [x]) => [compute(emitter, op, [x!.name], x!.type.dtype)];
}

/** Whole numbers are round already. */
function rounding(op: string): LowerPlain {
  return (emitter, [x]) => [isFloat(x!.type.dtype) ? emitter.node(op, [x!.name]) : x!.name];
}

const relu: LowerPlain = (emitter, [x]) => {
  const { name, type } = x!;
  if (isFloat(type.dtype)) return [emitter.node('Relu', [name])];
  return [compute(emitter, 'Max', [name, emitter.constant(type.dtype, [0])], type.dtype)];
};

/** There is no kernel of `Tan` for float64. */
const tan: LowerPlain = (emitter, [x], attributes, outputs) => {
  if (x!.type.dtype !== 'float64') return onFloats('Tan', ['float16', 'float32'])(emitter, [x!], attributes, outputs);
  return [emitter.node('Div', [emitter.node('Sin', [x!.name]), emitter.node('Cos', [x!.name])])];
};

/**
 * ONNX Runtime makes one operator (QuickGelu) of a product with a sigmoid, and has no kernel of it for float64. The absolute
 * value, which is the same, keeps them apart.
 */
const sigmoid: LowerPlain = (emitter, [x], attributes, outputs) => {
  const made = onFloats('Sigmoid')(emitter, [x!], attributes, outputs);
  if (x!.type.dtype !== 'float64') return made;
  return [emitter.node('Abs', made)];
};

/** PyTorch's sign of NaN is 0. */
const sign: LowerPlain = (emitter, [x]) => {
  const { name, type } = x!;
  if (type.dtype === 'bool') return [name];
  const signs = compute(emitter, 'Sign', [name], type.dtype);
  if (!isFloat(type.dtype)) return [signs];
  return [select(emitter, emitter.node('IsNaN', [name]), emitter.constant(type.dtype, [0]), signs, type.dtype)];
};

const isnan: LowerPlain = (emitter, [x]) => {
  const { name, type } = x!;
  if (isFloat(type.dtype)) return [emitter.node('IsNaN', [name])];
  // No whole number differs from itself: this gives false in the tensor's shape.
  const comparable = castTo(emitter, x!, 'int64');
  return [emitter.node('Not', [emitter.node('Equal', [comparable, comparable])])];
};

const logicalNot: LowerPlain = (emitter, [x]) => [emitter.node('Not', [castTo(emitter, x!, 'bool')])];

/** Written out, since `Gelu` exists only from operator set 20 on. Halves are computed in float32, as PyTorch does. */
const gelu: Lower<'gelu'> = (emitter, [x], attributes) => {
  const own = x!.type.dtype;
  const dtype = own === 'float16' ? 'float32' : own;
  const value = castTo(emitter, x!, dtype);
  const gate = attributes.approximate === 'tanh' ? geluTanh(emitter, value, dtype) : geluErf(emitter, value, dtype);
  const half = emitter.node('Mul', [value, emitter.constant(dtype, [0.5])]);
  const opened = emitter.node('Add', [gate, emitter.constant(dtype, [1])]);
  return [emitter.cast(emitter.node('Mul', [half, opened]), dtype, own)];
};

function geluErf(emitter: Emitter, x: string, dtype: DType): string {
  const scaled = emitter.node('Mul', [x, emitter.constant(dtype, [Math.SQRT1_2])]);
  return compute(emitter, 'Erf', [scaled], dtype, ['float32']);
}

function geluTanh(emitter: Emitter, x: string, dtype: DType): string {
  const cube = emitter.node('Mul', [emitter.node('Mul', [x, x]), x]);
  const correction = emitter.node('Mul', [cube, emitter.constant(dtype, [0.044715])]);
  const scale = emitter.constant(dtype, [Math.sqrt(2 / Math.PI)]);
  return emitter.node('Tanh', [emitter.node('Mul', [emitter.node('Add', [x, correction]), scale])]);
}

const where: Lower<'where'> = (emitter, [condition, a, b], { signed }, [output]) => {
  const { dtype } = output!;
  const chosen = signed ? selectSigned : selectOther;
  return [chosen(emitter, condition!.name, castTo(emitter, a!, dtype), castTo(emitter, b!, dtype), dtype)];
};

const cast: Lower<'cast'> = (emitter, [x], { dtype, exact }) => [
  exact ? exactly(emitter, x!, dtype) : castTo(emitter, x!, dtype),
];

const detach: LowerPlain = (emitter, [x]) => [emitter.detach(x!.name)];

export const elementwise = {
  detach,
  neg: onNumbers('Neg'),
  abs: onNumbers('Abs'),
  sqrt: onFloats('Sqrt'),
  exp: onFloats('Exp'),
  log: onFloats('Log'),
  sin: onFloats('Sin'),
  cos: onFloats('Cos'),
  tan,
  tanh: onFloats('Tanh'),
  sigmoid,
  reciprocal: onFloats('Reciprocal'),
  erf: onFloats('Erf', ['float16', 'float32']),
  relu,
  floor: rounding('Floor'),
  ceil: rounding('Ceil'),
  round: rounding('Round'),
  sign,
  isnan,
  logicalNot,
  bitwiseNot,
  gelu,
  where,
  cast,
  ...binary,
};
