import { promote } from '../graph/promotion.ts';
import type { DType } from '../graph/types.ts';
import { isFloatDType } from '../tensor/storage.ts';
import type { ClampBounds, DivOptions } from '../types/options.ts';
import type { Operand, Traced } from '../types/tensor.ts';
import { dtypeOf, fail, node, operand, typeOf } from './nodes.ts';
import { isOptions, optionsOf } from './options.ts';
import { allInWide, cast, hasDtype, like, pair, toBool } from './promotion.ts';
import { withSignature } from './with-signature.ts';

/** `input + other`, broadcast. */
export const add = withSignature('add', (input: Operand, other: Operand): Traced => node('add', pair(input, other)));

/** `input - other`, broadcast. */
export const sub = withSignature('sub', (input: Operand, other: Operand): Traced => node('sub', pair(input, other)));

/** `input * other`, broadcast. */
export const mul = withSignature('mul', (input: Operand, other: Operand): Traced => node('mul', pair(input, other)));

/** `input / other`, broadcast; integers give float32 unless `roundingMode` is `'floor'` or `'trunc'`. */
export const div = withSignature('div', (input: Operand, other: Operand, given?: DivOptions): Traced => {
  const [a, b] = pair(input, other);
  const options = given === undefined ? {} : optionsOf<DivOptions>('div', given, ['roundingMode']);
  if (!options.roundingMode) return node('div', [a, b]);
  const rest = node('remainder', [a, b]);
  // That to which both promote.
  const dtype = dtypeOf(rest);
  if (isFloatDType(dtype)) return options.roundingMode === 'floor' ? floored(a, b, rest) : cutOff(a, b, dtype);
  // Without the rest that has the sign of `a` all stays within the numbers that there are.
  const cut = restOfCut(a, b, rest);
  const [whole, divisor] = [node('sub', [cast(a, dtype), cut]), cast(b, dtype)];
  const near = wholeQuotient(whole, divisor, dtype);
  // Beyond 2^53 it has lost digits: what is missing is found in the same way.
  const missing = wholeQuotient(node('sub', [whole, node('mul', [near, divisor])]), divisor, dtype);
  const quotient = node('add', [near, missing]);
  if (options.roundingMode === 'trunc') return quotient;
  return node('sub', [quotient, cast(node('ne', [rest, cut]), dtype)]);
});

/** The quotient of what can be divided without a rest. */
function wholeQuotient(a: Traced, b: Traced, dtype: DType): Traced {
  return cast(node('round', [node('div', [cast(a, 'float64'), cast(b, 'float64')])]), dtype);
}

/** Of whole numbers the rest that has the sign of `a`, by the one that has the sign of `b`. */
function restOfCut(a: Traced, b: Traced, rest: Traced): Traced {
  const zero = like(0, dtypeOf(rest));
  const isTurned = node('ne', [node('lt', [a, like(0, dtypeOf(a))]), node('lt', [rest, zero])]);
  const isUneven = node('ne', [rest, zero]);
  return chosen(node('logicalAnd', [isTurned, isUneven]), node('sub', [rest, cast(b, dtypeOf(rest))]), rest);
}

/** Taking the rest off makes the quotient whole, whatever the rounding. By 0 and by infinity there is no such rest. */
function floored(a: Traced, b: Traced, rest: Traced): Traced {
  const dtype = dtypeOf(rest);
  const [x, y] = [cast(a, dtype), cast(b, dtype)];
  const [zero, infinity] = [like(0, dtype), like(Number.POSITIVE_INFINITY, dtype)];
  const isNegative = node('lt', [node('mul', [node('sign', [x]), node('sign', [y])]), zero]);
  // NaN where `a` is infinite, too.
  const byInfinity = node('sub', [node('sub', [x, x]), cast(isNegative, dtype)]);
  const quotient = node('div', [x, y]);
  const whole = wholeQuotient(node('sub', [x, rest]), y, dtype);
  const finite = withSignOf(quotient, unsigned(node('eq', [node('abs', [y]), infinity]), byInfinity, whole));
  return unsigned(node('eq', [y, zero]), quotient, finite);
}

/** What is rounded to 0 has the sign of the quotient. */
function withSignOf(quotient: Traced, whole: Traced): Traced {
  const zero = like(0, dtypeOf(whole));
  return chosen(node('eq', [whole, zero]), node('mul', [node('detach', [quotient]), zero]), whole);
}

/** Halves are divided as float32, as PyTorch does it, so that the quotient is not rounded up before it is cut. */
function cutOff(a: Traced, b: Traced, dtype: DType): Traced {
  const wide = dtype === 'float16' ? 'float32' : dtype;
  const quotient = node('div', [cast(a, wide), cast(b, wide)]);
  return cast(towardsZero(quotient), dtype);
}

/** Fractions without their fraction, and with their sign. */
export function towardsZero(x: Traced): Traced {
  return chosen(node('lt', [x, like(0, dtypeOf(x))]), node('ceil', [x]), node('floor', [x]));
}

/** `floor(input / other)`. */
export const floorDivide = withSignature(
  'floorDivide',
  (input: Operand, other: Operand): Traced => div(input, other, { roundingMode: 'floor' }),
);

/** The rest of the division, with the sign of the divisor. */
export const remainder = withSignature(
  'remainder',
  (input: Operand, other: Operand): Traced => node('remainder', pair(input, other)),
);

/** The rest of the division, with the sign of `input`, as JavaScript's `%`. */
export const fmod = withSignature('fmod', (input: Operand, other: Operand): Traced => {
  const [a, b] = pair(input, other);
  const rest = node('remainder', [a, b]);
  const dtype = dtypeOf(rest);
  if (isFloatDType(dtype)) {
    const [x, y] = [cast(a, dtype), cast(b, dtype)];
    const left = node('remainder', [node('abs', [x]), node('abs', [y])]);
    const isZero = node('logicalAnd', [node('eq', [x, like(0, dtype)]), node('eq', [left, like(0, dtype)])]);
    return chosen(isZero, x, node('mul', [node('sign', [x]), left]));
  }
  // The lowest whole number has no absolute value.
  return restOfCut(a, b, rest);
});

/** `input ** exponent`, broadcast. */
export const pow = withSignature('pow', (input: Operand, exponent: Operand): Traced => {
  const [base, power] = pair(input, exponent);
  if (typeof exponent !== 'number' || isFloatDType(dtypeOf(base)) || isFloatDType(dtypeOf(power))) {
    return node('pow', [base, power]);
  }
  if (exponent < 0) fail('Integers to negative integer powers are not allowed.');
  return wholePower(cast(base, dtypeOf(power)), exponent, dtypeOf(power));
});

/** By multiplication, which wraps around as PyTorch's does: ONNX Runtime takes the power as float64. */
function wholePower(base: Traced, exponent: number, dtype: DType): Traced {
  let product: Traced | null = null;
  let square = base;
  for (let rest = exponent; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) product = product === null ? square : node('mul', [product, square]);
    if (rest > 1) square = node('mul', [square, square]);
  }
  return product ?? node('pow', [base, like(0, dtype)]);
}

/** The smaller of two elements, broadcast. */
export const minimum = withSignature(
  'minimum',
  (input: Operand, other: Operand): Traced => node('minimum', pair(input, other)),
);

/** The larger of two elements, broadcast. */
export const maximum = withSignature(
  'maximum',
  (input: Operand, other: Operand): Traced => node('maximum', pair(input, other)),
);

/** `input == other`; bool. */
export const eq = withSignature('eq', (input: Operand, other: Operand): Traced => node('eq', pair(input, other)));

/** `input != other`; bool. */
export const ne = withSignature('ne', (input: Operand, other: Operand): Traced => node('ne', pair(input, other)));

/** `input < other`; bool. */
export const lt = withSignature('lt', (input: Operand, other: Operand): Traced => node('lt', pair(input, other)));

/** `input <= other`; bool. */
export const le = withSignature('le', (input: Operand, other: Operand): Traced => node('le', pair(input, other)));

/** `input > other`; bool. */
export const gt = withSignature('gt', (input: Operand, other: Operand): Traced => node('gt', pair(input, other)));

/** `input >= other`; bool. */
export const ge = withSignature('ge', (input: Operand, other: Operand): Traced => node('ge', pair(input, other)));

/** Whether both are not zero; bool. */
export const logicalAnd = withSignature(
  'logicalAnd',
  (input: Operand, other: Operand): Traced => node('logicalAnd', [toBool(input), toBool(other)]),
);

/** Whether one of both is not zero; bool. */
export const logicalOr = withSignature(
  'logicalOr',
  (input: Operand, other: Operand): Traced => node('logicalOr', [toBool(input), toBool(other)]),
);

/** Whether exactly one of both is not zero; bool. */
export const logicalXor = withSignature(
  'logicalXor',
  (input: Operand, other: Operand): Traced => node('ne', [toBool(input), toBool(other)]),
);

/** The bits that both integers have; `and` of bools. */
export const bitwiseAnd = withSignature(
  'bitwiseAnd',
  (input: Operand, other: Operand): Traced => node('bitwiseAnd', pair(input, other)),
);

/** The bits that one of both integers has; `or` of bools. */
export const bitwiseOr = withSignature(
  'bitwiseOr',
  (input: Operand, other: Operand): Traced => node('bitwiseOr', pair(input, other)),
);

/** The bits in which both integers differ. */
export const bitwiseXor = withSignature(
  'bitwiseXor',
  (input: Operand, other: Operand): Traced => node('bitwiseXor', pair(input, other)),
);

/** The point between `start` (weight 0) and `end` (weight 1). */
export const lerp = withSignature('lerp', (start: Operand, end: Operand, weight: Operand): Traced => {
  if (typeof weight === 'number') return allInWide(pair(start, end), (from, to) => between(from!, to!, weight));
  return allInWide([...pair(start, end), operand(weight)], (from, to, share) => between(from!, to!, share!));
});

function between(from: Traced, to: Traced, weight: Operand): Traced {
  const way = node('sub', [to, from]);
  // Counted from the nearer end, so that weight 1 gives the end itself.
  const near = () => add(from, mul(way, weight));
  const far = () => sub(to, mul(way, sub(1, weight)));
  if (typeof weight === 'number') return Math.abs(weight) < 0.5 ? near() : far();
  return where(lt(node('abs', [operand(weight)]), 0.5), near(), far());
}

interface Bounds {
  readonly min?: Operand | null | undefined;
  readonly max?: Operand | null | undefined;
}

/** Elements below `min` become `min`, elements above `max` become `max`; either bound may be left out. */
export const clamp = withSignature(
  'clamp',
  (input: Operand, min?: Operand | ClampBounds | null, max?: Operand | null): Traced => {
    const bounds: Bounds = isOptions(min)
      ? optionsOf<ClampBounds>('clamp', min, ['min', 'max'])
      : { min: min as Operand | null | undefined, max };
    if (bounds.min == null && bounds.max == null) fail("clamp: At least one of 'min' or 'max' must not be None");
    const { min: low, max: high } = bounds;
    if (low == null || high == null || !hasDtype(low) || !hasDtype(high)) {
      const above = low == null ? operand(input) : bounded('lt', operand(input), low);
      return high == null ? above : bounded('gt', above, high);
    }
    // All three decide the dtype, before one of them is converted for another.
    const all = [input, low, high].map((one) => operand(one));
    const dtype = promote(all.map(typeOf));
    const [x, least, most] = all.map((one) => cast(one, dtype)) as [Traced, Traced, Traced];
    return bounded('gt', bounded('lt', x, least), most);
  },
);

/** The bound in place of what lies beyond it. What is equal to it stays, so that the gradient is that by the input. */
function bounded(beyond: 'lt' | 'gt', input: Traced, bound: Operand): Traced {
  const [x, limit] = pair(input, bound);
  const isBeyond = node(beyond, [x, limit]);
  const isReplaced = mayBeNaN(bound) ? node('logicalOr', [isBeyond, node('isnan', [limit])]) : isBeyond;
  return hasNoSign(bound) ? unsigned(isReplaced, limit, x) : chosen(isReplaced, limit, x);
}

function mayBeNaN(bound: Operand): boolean {
  return typeof bound === 'number' ? Number.isNaN(bound) : isFloatDType(dtypeOf(operand(bound)));
}

/** `input` where the bool `condition` holds, `other` elsewhere, broadcast. */
export const where = withSignature('where', (condition: Operand, input: Operand, other: Operand): Traced => {
  const [mask, [a, b]] = [operand(condition), pair(input, other)];
  if (hasNoSign(input)) return unsigned(mask, a, b);
  // The condition is what it is compared to here: one that is no bool is refused as it stands.
  if (hasNoSign(other) && dtypeOf(mask) === 'bool') return unsigned(node('eq', [mask, operand(false)]), b, a);
  return chosen(mask, a, b);
});

/** The tensor with `value` where the bool `mask` holds. */
export const maskedFill = withSignature('maskedFill', (input: Operand, mask: Operand, value: Operand): Traced => {
  const x = operand(input);
  const choose = hasNoSign(value) ? unsigned : chosen;
  return choose(operand(mask), like(value, dtypeOf(x)), x);
});

function chosen(condition: Traced, a: Traced, b: Traced): Traced {
  return node('where', [condition, a, b], { signed: true });
}

/** The same where the first branch has no -0. */
export function unsigned(condition: Traced, a: Traced, b: Traced): Traced {
  return node('where', [condition, a, b], { signed: false });
}

/** Whether a value is a number of the program other than -0. */
function hasNoSign(value: Operand): boolean {
  return typeof value === 'number' && !Object.is(value, -0);
}
