import { TraceError } from '../errors.ts';
import * as functions from '../functions/index.ts';
import type { Site } from '../graph/types.ts';
import { activeBuilder } from '../tracing/builder.ts';
import type { Traced } from '../types/tensor.ts';
import { isTraced } from './arithmetic.ts';

type Unary = (x: never) => unknown;
type Binary = (a: never, b: never) => unknown;

const UNARY: Readonly<Record<string, Unary>> = {
  abs: functions.abs,
  ceil: functions.ceil,
  cos: functions.cos,
  exp: functions.exp,
  floor: functions.floor,
  log: functions.log,
  sign: functions.sign,
  sin: functions.sin,
  sqrt: functions.sqrt,
  tan: functions.tan,
  tanh: functions.tanh,
  // JavaScript rounds halves up, not to even as PyTorch does.
  round: (x: Traced) => functions.floor(functions.add(x, 0.5)),
  trunc: (x: Traced) => functions.mul(functions.sign(x), functions.floor(functions.abs(x))),
  log2: (x: Traced) => functions.div(functions.log(x), Math.LN2),
  log10: (x: Traced) => functions.div(functions.log(x), Math.LN10),
  log1p: (x: Traced) => functions.log(functions.add(x, 1)),
  expm1: (x: Traced) => functions.sub(functions.exp(x), 1),
  cbrt: (x: Traced) => functions.mul(functions.sign(x), functions.pow(functions.abs(x), 1 / 3)),
};

const BINARY: Readonly<Record<string, Binary>> = {
  max: functions.maximum,
  min: functions.minimum,
  pow: functions.pow,
  hypot: (a: Traced, b: Traced) => functions.sqrt(functions.add(functions.mul(a, a), functions.mul(b, b))),
};

/** `Math.name(…)` */
export function math(name: string, values: readonly unknown[], site: Site): unknown {
  if (!values.some(isTraced))
    return (Math as unknown as Record<string, (...x: unknown[]) => unknown>)[name]!(...values);
  const target = activeBuilder();
  if (target) target.site = site;
  const unary = UNARY[name];
  if (unary) return unary(values[0] as never);
  const binary = BINARY[name];
  if (binary) return values.length === 1 ? values[0] : values.reduce((a, b) => binary(a as never, b as never));
  throw new TraceError(
    `Math.${name} has no meaning for tensors. Those with one are: ${Object.keys({ ...UNARY, ...BINARY })
      .sort()
      .join(', ')}.`,
    site,
  );
}
