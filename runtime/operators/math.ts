import { TraceError } from '../errors.ts';
import * as functions from '../functions/index.ts';
import { inDouble, toFloat } from '../functions/promotion.ts';
import type { Site } from '../graph/types.ts';
import { activeBuilder } from '../tracing/builder.ts';
import type { Operand, Traced } from '../types/tensor.ts';
import { isTraced } from './arithmetic.ts';
import { asNumber } from './numbers.ts';

/** The functions of `Math` of one number, with JavaScript's meaning if PyTorch's function of the same name differs. */
const UNARY: Readonly<Record<string, (x: Operand) => Traced>> = {
  abs: functions.abs,
  cbrt: (x) => inDouble(x, (wide) => functions.mul(functions.sign(wide), functions.pow(functions.abs(wide), 1 / 3))),
  ceil: functions.ceil,
  cos: functions.cos,
  exp: functions.exp,
  expm1: functions.expm1,
  floor: functions.floor,
  log: functions.log,
  log10: functions.log10,
  log1p: functions.log1p,
  log2: functions.log2,
  // Halves go up, not to the even neighbour. A sum with 0.5 would itself be rounded.
  round: (x) => {
    const whole = functions.floor(x);
    return functions.where(functions.ge(functions.sub(x, whole), 0.5), functions.add(whole, 1), whole);
  },
  // The sign of NaN is NaN.
  sign: (x) => functions.where(functions.isnan(x), x, functions.sign(x)),
  sin: functions.sin,
  sqrt: functions.sqrt,
  tan: functions.tan,
  tanh: functions.tanh,
  trunc: functions.trunc,
};

/** Those of several numbers. */
const SEVERAL: Readonly<Record<string, (x: readonly Operand[]) => Operand>> = {
  // Squares that overflow a float32 do not overflow a float64.
  hypot: (x) => {
    const squares = x.map((one) => functions.square(functions.double(one)));
    return functions.to(functions.sqrt(sumOf(squares)), toFloat(sumOf(x)));
  },
  max: (x) => x.reduce((a, b) => functions.maximum(a, b)),
  min: (x) => x.reduce((a, b) => functions.minimum(a, b)),
  pow: ([base, exponent]) => functions.pow(base!, exponent!),
};

function sumOf(x: readonly Operand[]): Operand {
  return x.reduce((a, b) => functions.add(a, b));
}

/** `Math.name(…)` */
export function math(name: string, values: readonly unknown[], site: Site): unknown {
  if (!values.some(isTraced)) return Reflect.get(Math, name)(...values);
  const target = activeBuilder();
  if (target) target.site = site;
  const numbers = values.map(asNumber) as Operand[];
  const unary = UNARY[name];
  if (unary) return unary(numbers[0]!);
  const several = SEVERAL[name];
  if (several) return several(numbers);
  throw new TraceError(
    `Math.${name} has no meaning for tensors. Those with one are: ${Object.keys({ ...UNARY, ...SEVERAL })
      .sort()
      .join(', ')}.`,
    site,
  );
}
