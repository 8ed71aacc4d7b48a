import * as f from '../functions/index.ts';
import { dtypeOf, isTraced, operand } from '../functions/nodes.ts';
import { inDouble, toFloat } from '../functions/promotion.ts';
import { isFloatDType } from '../tensor/storage.ts';
import type { Operand, Traced } from '../types/tensor.ts';

/*
 * Functions of `Math` and operators that are others in JavaScript than PyTorch's of the same name: NaN, infinities and
 * the sign of zero are what they are in JavaScript.
 */

/** Whether a number is neither 0 nor NaN: what JavaScript takes for true. */
export function isTruthy(x: Traced): Traced {
  return isFloatDType(dtypeOf(x)) ? f.gt(f.abs(x), 0) : f.bool(x);
}

/**
 * A result with the sign of the argument, whose zero has one, too: the `Where` of ONNX Runtime makes 0 of -0.
 */
function signed(result: Traced, x: Operand): Traced {
  if (!isFloatDType(dtypeOf(operand(x)))) return result;
  return f.mul(f.abs(result), f.where(isNegative(x), -1, 1));
}

/** Whether a number has a minus sign, as -0 has. */
function isNegative(x: Operand): Operand {
  if (!isTraced(x) && typeof x === 'number') return x < 0 || Object.is(x, -0);
  return f.logicalOr(f.lt(x, 0), f.lt(f.reciprocal(x), 0));
}

/** The larger of two numbers. Of a 0 and a -0 ONNX gives either; in JavaScript the 0 is larger. */
export function max(a: Operand, b: Operand): Traced {
  const result = f.maximum(a, b);
  if (!mayBeTwoZeros(result, a, b)) return result;
  return f.mul(f.abs(result), f.where(f.logicalAnd(isNegative(a), isNegative(b)), -1, 1));
}

/** The smaller of two numbers: -0 is smaller than 0. */
export function min(a: Operand, b: Operand): Traced {
  const result = f.minimum(a, b);
  if (!mayBeTwoZeros(result, a, b)) return result;
  return f.mul(f.abs(result), f.where(f.logicalOr(isNegative(a), isNegative(b)), -1, 1));
}

/** Whether two numbers may be zeros of different signs. */
function mayBeTwoZeros(result: Traced, ...operands: readonly Operand[]): boolean {
  return isFloatDType(dtypeOf(result)) && operands.every((x) => isTraced(x) || typeof x !== 'number' || x === 0);
}

/** Halves go up, not to the even neighbour. A sum with 0.5 would itself be rounded. */
export function round(x: Operand): Traced {
  const below = f.floor(x);
  return signed(f.where(f.ge(f.sub(x, below), 0.5), f.add(below, 1), below), x);
}

/** Of NaN it is NaN. */
export function sign(x: Operand): Traced {
  return signed(f.where(f.isnan(x), x, f.sign(x)), x);
}

export function trunc(x: Operand): Traced {
  return signed(f.trunc(x), x);
}

export function log1p(x: Operand): Traced {
  return signed(f.log1p(x), x);
}

export function expm1(x: Operand): Traced {
  return signed(f.expm1(x), x);
}

/** A power of 1 / 3 is off by a last digit, which a step of Newton's puts right. */
export function cbrt(x: Operand): Traced {
  return inDouble(x, (wide) => {
    const size = f.abs(wide);
    const root = f.pow(size, 1 / 3);
    const square = f.square(root);
    const better = f.sub(root, f.div(f.sub(f.mul(square, root), size), f.mul(square, 3)));
    const isPlain = f.logicalAnd(f.gt(size, 0), f.lt(size, Number.POSITIVE_INFINITY));
    return signed(f.where(isPlain, better, size), wide);
  });
}

/** The root of the sum of squares, which may not overflow; an infinity counts for more than a NaN. */
export function hypot(values: readonly Operand[]): Traced {
  const sizes = values.map((one) => f.abs(f.double(one)));
  const largest = sizes.reduce((a, b) => f.maximum(a, b));
  const isPlain = f.logicalAnd(f.gt(largest, 0), f.lt(largest, Number.POSITIVE_INFINITY));
  const scale = f.where(isPlain, largest, 1);
  const squares = sizes.map((one) => f.square(f.div(one, scale)));
  const length = f.mul(f.sqrt(squares.reduce((a, b) => f.add(a, b))), scale);
  const isInfinite = sizes.map((one) => f.isinf(one)).reduce((a, b) => f.logicalOr(a, b));
  const like = toFloat(values.reduce((a, b) => f.add(a, b)));
  return f.to(f.where(isInfinite, Number.POSITIVE_INFINITY, length), like);
}

/**
 * `base ** exponent`. To the power of NaN, and 1 and -1 to an infinite one, it is NaN. A whole number to a negative power
 * is a fraction, where the exponent is a plain number; whole numbers that only the run knows give whole ones.
 */
export function power(base: Operand, exponent: Operand): Traced {
  const isPlain = !isTraced(exponent) && typeof exponent === 'number';
  const result = f.pow(isPlain && exponent < 0 ? toFloat(base) : base, exponent);
  if (!isFloatDType(dtypeOf(result)) || (isPlain && Number.isFinite(exponent))) return result;
  if (typeof base === 'number' && !isTraced(base) && Math.abs(base) !== 1) return result;
  const isOne = f.eq(f.abs(base), 1);
  const isNone = f.logicalOr(f.isnan(exponent), f.logicalAnd(isOne, f.isinf(exponent)));
  return f.where(isNone, Number.NaN, result);
}
