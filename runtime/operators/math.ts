import { TraceError } from '../errors.ts';
import * as functions from '../functions/index.ts';
import type { Site } from '../graph/types.ts';
import { activeBuilder } from '../tracing/builder.ts';
import type { Operand, Traced } from '../types/tensor.ts';
import { isTraced } from './is-traced.ts';
import { cbrt, expm1, hypot, log1p, max, min, power, round, sign, trunc } from './math-functions.ts';
import { checkHasNumber } from './no-number.ts';
import { asNumber, isKnown, isSingle, known } from './numbers.ts';
import { primitive } from './primitives.ts';

/** The functions of `Math` of one number, with JavaScript's meaning if PyTorch's function of the same name differs. */
const UNARY: Readonly<Record<string, (x: Operand) => Traced>> = {
  abs: functions.abs,
  cbrt,
  ceil: functions.ceil,
  cos: functions.cos,
  exp: functions.exp,
  expm1,
  floor: functions.floor,
  log: functions.log,
  log10: functions.log10,
  log1p,
  log2: functions.log2,
  round,
  sign,
  sin: functions.sin,
  sqrt: functions.sqrt,
  tan: functions.tan,
  tanh: functions.tanh,
  trunc,
};

/** Those of several numbers. */
const SEVERAL: Readonly<Record<string, (x: readonly Operand[]) => Operand>> = {
  hypot,
  max: (x) => x.reduce(max),
  min: (x) => x.reduce(min),
  pow: ([base, exponent]) => power(base!, exponent!),
};

/** Those that take any number of them. */
const ANY_NUMBER: ReadonlySet<string> = new Set(['hypot', 'max', 'min']);

/** `Math.name(…)` */
export function math(name: string, given: readonly unknown[], site: Site): unknown {
  const fn = Reflect.get(Math, name) as (...numbers: unknown[]) => number;
  // `xs.map(Math.abs)` hands the whole array on, too
  const taken = ANY_NUMBER.has(name) ? given : given.slice(0, fn.length);
  for (const value of taken) checkHasNumber(value, `Math.${name}(tensor(array))`, site);
  const values = given.map((value) => primitive(value, 'number', site));
  if (!values.some(isTraced)) return fn(...values);
  const isOfNumbers = values.every((value) => isKnown(value) || isSingle(value));
  const target = activeBuilder();
  if (target) target.site = site;
  const numbers = values.map((value) => asNumber(isOfNumbers ? known(value) : value)) as Operand[];
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
