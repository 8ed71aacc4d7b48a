import { isFloatDType } from '../tensor/storage.ts';
import type { ClampBounds, DivOptions } from '../types/options.ts';
import type { Operand, Traced } from '../types/tensor.ts';
import { dtypeOf, fail, node, operand } from './nodes.ts';
import { isOptions, optionsOf } from './options.ts';
import { cast, like, pair, toBool } from './promotion.ts';
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
  // The remainder has the dtype that both promote to. Taking it off makes the quotient whole, whatever the rounding.
  const rest = node('remainder', [a, b]);
  const dtype = dtypeOf(rest);
  const floored = cast(
    node('round', [
      node(
        'div',
        [node('sub', [a, rest]), b].map((x) => cast(x, 'float64')),
      ),
    ]),
    dtype,
  );
  if (options.roundingMode === 'floor') return floored;
  const upwards = node('logicalAnd', [node('lt', [floored, like(0, dtype)]), node('ne', [rest, like(0, dtype)])]);
  return node('add', [floored, cast(upwards, dtype)]);
});

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
  const rest = node('remainder', [node('abs', [a]), node('abs', [b])]);
  return node('mul', [node('sign', [a]), rest]);
});

/** `input ** exponent`, broadcast. */
export const pow = withSignature('pow', (input: Operand, exponent: Operand): Traced => {
  const [base, power] = pair(input, exponent);
  if (typeof exponent === 'number' && exponent < 0 && dtypeOf(base).includes('int') && dtypeOf(power).includes('int')) {
    fail('Integers to negative integer powers are not allowed.');
  }
  return node('pow', [base, power]);
});

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
  const [from, to] = pair(start, end);
  return add(from, mul(node('sub', [to, from]), weight));
});

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
    let result = operand(input);
    if (bounds.min != null) result = bounded('lt', result, bounds.min);
    return bounds.max == null ? result : bounded('gt', result, bounds.max);
  },
);

/** The bound in place of what lies beyond it. What is equal to it stays, so that the gradient is that by the input. */
function bounded(beyond: 'lt' | 'gt', input: Traced, bound: Operand): Traced {
  const [x, limit] = pair(input, bound);
  const isBeyond = node(beyond, [x, limit]);
  const isReplaced = mayBeNaN(bound) ? node('logicalOr', [isBeyond, node('isnan', [limit])]) : isBeyond;
  return node('where', [isReplaced, limit, x]);
}

function mayBeNaN(bound: Operand): boolean {
  return typeof bound === 'number' ? Number.isNaN(bound) : isFloatDType(dtypeOf(operand(bound)));
}

/** `input` where the bool `condition` holds, `other` elsewhere, broadcast. */
export const where = withSignature(
  'where',
  (condition: Operand, input: Operand, other: Operand): Traced =>
    node('where', [operand(condition), ...pair(input, other)]),
);

/** The tensor with `value` where the bool `mask` holds. */
export const maskedFill = withSignature('maskedFill', (input: Operand, mask: Operand, value: Operand): Traced => {
  const x = operand(input);
  return node('where', [operand(mask), like(value, dtypeOf(x)), x]);
});
