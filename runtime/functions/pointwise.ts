import { isFloatDType } from '../tensor/storage.ts';
import type { GeluOptions } from '../types/options.ts';
import type { Operand, Traced } from '../types/tensor.ts';
import { add, div, eq, logicalOr, maximum, mul, sub, towardsZero, unsigned, where } from './arithmetic.ts';
import { dtypeOf, fail, node, operand } from './nodes.ts';
import { optionsOf } from './options.ts';
import { cast, fractions, inDouble, inWide, like, toBool, toFloat } from './promotion.ts';
import { withSignature } from './with-signature.ts';

/** The absolute value of each element. */
export const abs = withSignature('abs', (input: Operand): Traced => node('abs', [operand(input)]));

/** `-input`. */
export const neg = withSignature('neg', (input: Operand): Traced => node('neg', [operand(input)]));

/** The square root; integers become float32. */
export const sqrt = withSignature('sqrt', (input: Operand): Traced => node('sqrt', [toFloat(input)]));

/** `1 / sqrt(input)`. */
export const rsqrt = withSignature(
  'rsqrt',
  (input: Operand): Traced => inWide(input, (x) => node('reciprocal', [sqrt(x)])),
);

/** `input * input`. */
export const square = withSignature('square', (input: Operand): Traced => {
  const given = operand(input);
  const x = dtypeOf(given) === 'bool' ? cast(given, 'int64') : given;
  return node('mul', [x, x]);
});

/** e to the power of each element. */
export const exp = withSignature('exp', (input: Operand): Traced => node('exp', [toFloat(input)]));

/**
 * `exp(input) - 1`, exact for small inputs too: what rounding takes off `exp(input)` it takes off its logarithm likewise,
 * so that the quotient of the two is right.
 */
export const expm1 = withSignature(
  'expm1',
  (input: Operand): Traced =>
    inWide(input, (x) => {
      const power = exp(x);
      const less = sub(power, 1);
      const [isTiny, isFar] = [eq(power, 1), logicalOr(eq(less, -1), isinf(power))];
      const quotient = div(less, where(logicalOr(isTiny, isFar), 1, log(power)));
      return where(isTiny, x, unsigned(isFar, less, mul(x, quotient)));
    }),
);

/** The natural logarithm; integers become float32. */
export const log = withSignature('log', (input: Operand): Traced => node('log', [toFloat(input)]));

/** The logarithm to base 2; of a power of 2 it is whole. */
export const log2 = withSignature('log2', (input: Operand): Traced => inDouble(input, (x) => div(log(x), Math.LN2)));

/** The logarithm to base 10; of a power of 10 it is whole. */
export const log10 = withSignature('log10', (input: Operand): Traced => inDouble(input, (x) => div(log(x), Math.LN10)));

/** `log(1 + input)`, exact for small inputs too: `x / (1 + x - 1)` makes up for what rounding takes off `1 + x`. */
export const log1p = withSignature(
  'log1p',
  (input: Operand): Traced =>
    inWide(input, (x) => {
      const sum = add(x, 1);
      const [isTiny, isFar] = [eq(sum, 1), eq(sum, Number.POSITIVE_INFINITY)];
      const loss = div(x, where(logicalOr(isTiny, isFar), 1, sub(sum, 1)));
      return where(isTiny, x, unsigned(isFar, sum, mul(log(sum), loss)));
    }),
);

export const sin = withSignature('sin', (input: Operand): Traced => node('sin', [toFloat(input)]));

export const cos = withSignature('cos', (input: Operand): Traced => node('cos', [toFloat(input)]));

export const tan = withSignature('tan', (input: Operand): Traced => node('tan', [toFloat(input)]));

export const tanh = withSignature('tanh', (input: Operand): Traced => node('tanh', [toFloat(input)]));

/** `1 / (1 + exp(-input))`. */
export const sigmoid = withSignature('sigmoid', (input: Operand): Traced => node('sigmoid', [toFloat(input)]));

/** The element where it is positive, 0 elsewhere. */
export const relu = withSignature('relu', (input: Operand): Traced => node('relu', [operand(input)]));

/** The Gaussian error linear unit; `{ approximate: 'tanh' }` is the one of GPT-2. */
export const gelu = withSignature(
  'gelu',
  (input: Operand, approximate?: GeluOptions['approximate'] | GeluOptions): Traced => {
    const options = optionsOf<GeluOptions>('gelu', approximate, ['approximate']);
    return node('gelu', [fractions('gelu', input)], { approximate: options.approximate ?? 'none' });
  },
);

/** `input * sigmoid(input)`, also called swish. */
export const silu = withSignature(
  'silu',
  (input: Operand): Traced => inWide(fractions('silu', input), (x) => node('mul', [x, sigmoid(x)])),
);

/** `log(1 + exp(input))`, without overflow. */
export const softplus = withSignature('softplus', (input: Operand): Traced => {
  // Not `relu`: where its gradient at 0 is 0, that of the larger of two equals is ½, which is right here.
  return inWide(fractions('softplus', input), (x) => node('add', [maximum(x, 0), log1p(exp(neg(abs(x))))]));
});

/** The error function. */
export const erf = withSignature('erf', (input: Operand): Traced => node('erf', [toFloat(input)]));

export const floor = withSignature('floor', (input: Operand): Traced => node('floor', [operand(input)]));

export const ceil = withSignature('ceil', (input: Operand): Traced => node('ceil', [operand(input)]));

/** To the nearest whole number, or to `decimals` decimals; halves go to the even neighbour. */
export const round = withSignature('round', (input: Operand, decimals = 0): Traced => {
  const x = operand(input);
  if (decimals === 0) return node('round', [x]);
  if (!isFloatDType(dtypeOf(x))) fail(`round: ${dtypeOf(x)} has no decimals. Convert the tensor with to('float32')`);
  return inWide(x, (wide) => {
    const scale = like(10 ** Math.abs(decimals), dtypeOf(wide));
    return decimals > 0
      ? node('div', [node('round', [node('mul', [wide, scale])]), scale])
      : node('mul', [node('round', [node('div', [wide, scale])]), scale]);
  });
});

/** Cuts the fraction off. */
export const trunc = withSignature('trunc', (input: Operand): Traced => {
  const x = operand(input);
  return isFloatDType(dtypeOf(x)) ? towardsZero(x) : node('floor', [x]);
});

/** -1, 0 or 1. */
export const sign = withSignature('sign', (input: Operand): Traced => node('sign', [operand(input)]));

/** `1 / input`. */
export const reciprocal = withSignature('reciprocal', (input: Operand): Traced => node('reciprocal', [toFloat(input)]));

/** Whether an element is not a number; bool. */
export const isnan = withSignature('isnan', (input: Operand): Traced => node('isnan', [toFloat(input)]));

/** Whether an element is infinite; bool. */
export const isinf = withSignature('isinf', (input: Operand): Traced => {
  const x = toFloat(input);
  return node('eq', [node('abs', [x]), like(Number.POSITIVE_INFINITY, dtypeOf(x))]);
});

/** Whether an element is zero; bool. */
export const logicalNot = withSignature('logicalNot', (input: Operand): Traced => node('logicalNot', [toBool(input)]));

/** All bits turned round; the negation of bools. */
export const bitwiseNot = withSignature('bitwiseNot', (input: Operand): Traced => node('bitwiseNot', [operand(input)]));
