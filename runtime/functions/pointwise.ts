import type { GeluOptions } from '../types/options.ts';
import type { Operand, Traced } from '../types/tensor.ts';
import { add, div, eq, logicalOr, maximum, mul, sub, where } from './arithmetic.ts';
import { dtypeOf, node, operand } from './nodes.ts';
import { optionsOf } from './options.ts';
import { inDouble, inWide, like, toBool, toFloat } from './promotion.ts';

/** The absolute value of each element. */
export function abs(input: Operand): Traced {
  return node('abs', [operand(input)]);
}

/** `-input`. */
export function neg(input: Operand): Traced {
  return node('neg', [operand(input)]);
}

/** The square root; integers become float32. */
export function sqrt(input: Operand): Traced {
  return node('sqrt', [toFloat(input)]);
}

/** `1 / sqrt(input)`. */
export function rsqrt(input: Operand): Traced {
  return node('reciprocal', [sqrt(input)]);
}

/** `input * input`. */
export function square(input: Operand): Traced {
  const x = operand(input);
  return node('mul', [x, x]);
}

/** e to the power of each element. */
export function exp(input: Operand): Traced {
  return node('exp', [toFloat(input)]);
}

/**
 * `exp(input) - 1`, exact for small inputs too: what rounding takes off `exp(input)` it takes off its logarithm likewise,
 * so that the quotient of the two is right.
 */
export function expm1(input: Operand): Traced {
  return inWide(input, (x) => {
    const power = exp(x);
    const less = sub(power, 1);
    const [isTiny, isFar] = [eq(power, 1), logicalOr(eq(less, -1), isinf(power))];
    const quotient = div(less, where(logicalOr(isTiny, isFar), 1, log(power)));
    return where(isTiny, x, where(isFar, less, mul(x, quotient)));
  });
}

/** The natural logarithm; integers become float32. */
export function log(input: Operand): Traced {
  return node('log', [toFloat(input)]);
}

/** The logarithm to base 2; of a power of 2 it is whole. */
export function log2(input: Operand): Traced {
  return inDouble(input, (x) => div(log(x), Math.LN2));
}

/** The logarithm to base 10; of a power of 10 it is whole. */
export function log10(input: Operand): Traced {
  return inDouble(input, (x) => div(log(x), Math.LN10));
}

/** `log(1 + input)`, exact for small inputs too: `x / (1 + x - 1)` makes up for what rounding takes off `1 + x`. */
export function log1p(input: Operand): Traced {
  return inWide(input, (x) => {
    const sum = add(x, 1);
    const [isTiny, isFar] = [eq(sum, 1), isinf(sum)];
    const loss = div(x, where(logicalOr(isTiny, isFar), 1, sub(sum, 1)));
    return where(isTiny, x, where(isFar, sum, mul(log(sum), loss)));
  });
}

export function sin(input: Operand): Traced {
  return node('sin', [toFloat(input)]);
}

export function cos(input: Operand): Traced {
  return node('cos', [toFloat(input)]);
}

export function tan(input: Operand): Traced {
  return node('tan', [toFloat(input)]);
}

export function tanh(input: Operand): Traced {
  return node('tanh', [toFloat(input)]);
}

/** `1 / (1 + exp(-input))`. */
export function sigmoid(input: Operand): Traced {
  return node('sigmoid', [toFloat(input)]);
}

/** The element where it is positive, 0 elsewhere. */
export function relu(input: Operand): Traced {
  return node('relu', [operand(input)]);
}

/** The Gaussian error linear unit; `{ approximate: 'tanh' }` is the one of GPT-2. */
export function gelu(input: Operand, approximate?: GeluOptions['approximate'] | GeluOptions): Traced {
  const options = optionsOf<GeluOptions>('gelu', approximate, ['approximate']);
  return node('gelu', [toFloat(input)], { approximate: options.approximate ?? 'none' });
}

/** `input * sigmoid(input)`, also called swish. */
export function silu(input: Operand): Traced {
  return inWide(input, (x) => node('mul', [x, sigmoid(x)]));
}

/** `log(1 + exp(input))`, without overflow. */
export function softplus(input: Operand): Traced {
  // Not `relu`: where its gradient at 0 is 0, that of the larger of two equals is ½, which is right here.
  return inWide(input, (x) => node('add', [maximum(x, 0), log1p(exp(neg(abs(x))))]));
}

/** The error function. */
export function erf(input: Operand): Traced {
  return node('erf', [toFloat(input)]);
}

export function floor(input: Operand): Traced {
  return node('floor', [operand(input)]);
}

export function ceil(input: Operand): Traced {
  return node('ceil', [operand(input)]);
}

/** To the nearest whole number, or to `decimals` decimals; halves go to the even neighbour. */
export function round(input: Operand, decimals = 0): Traced {
  const x = operand(input);
  if (decimals === 0) return node('round', [x]);
  const scale = like(10 ** Math.abs(decimals), dtypeOf(x));
  return decimals > 0
    ? node('div', [node('round', [node('mul', [x, scale])]), scale])
    : node('mul', [node('round', [node('div', [x, scale])]), scale]);
}

/** Cuts the fraction off. */
export function trunc(input: Operand): Traced {
  const x = operand(input);
  return node('mul', [node('sign', [x]), node('floor', [node('abs', [x])])]);
}

/** -1, 0 or 1. */
export function sign(input: Operand): Traced {
  return node('sign', [operand(input)]);
}

/** `1 / input`. */
export function reciprocal(input: Operand): Traced {
  return node('reciprocal', [toFloat(input)]);
}

/** Whether an element is not a number; bool. */
export function isnan(input: Operand): Traced {
  return node('isnan', [toFloat(input)]);
}

/** Whether an element is infinite; bool. */
export function isinf(input: Operand): Traced {
  const x = toFloat(input);
  return node('eq', [node('abs', [x]), like(Number.POSITIVE_INFINITY, dtypeOf(x))]);
}

/** Whether an element is zero; bool. */
export function logicalNot(input: Operand): Traced {
  return node('logicalNot', [toBool(input)]);
}

/** All bits turned round; the negation of bools. */
export function bitwiseNot(input: Operand): Traced {
  return node('bitwiseNot', [operand(input)]);
}
