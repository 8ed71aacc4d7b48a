import { unknownOption } from '../nearest.ts';
import { dims, dtype, flag, type Kind, number, oneOf, operand, tensor } from './kinds.ts';
import { fail, isTraced } from './nodes.ts';

/** All options of functions. A name means the same in each that has it. */
const KINDS = {
  allowUnused: flag,
  approximate: oneOf(['none', 'tanh']),
  correction: number,
  descending: flag,
  dim: dims,
  dtype,
  eps: number,
  fullMatrices: flag,
  gradient: operand,
  ignoreIndex: number,
  interpolation: oneOf(['linear', 'lower', 'higher', 'midpoint', 'nearest']),
  keepdim: flag,
  labelSmoothing: number,
  largest: flag,
  logTarget: flag,
  materializeGrads: flag,
  max: operand,
  min: operand,
  p: number,
  reduction: oneOf(['mean', 'sum', 'none']),
  roundingMode: oneOf(['floor', 'trunc', null]),
  seed: number,
  weight: operand,
} satisfies Record<string, Kind>;

type OptionName = keyof typeof KINDS;

/**
 * The options of a call, checked: names that the function does not have and values that do not fit are errors at the
 * user's line.
 * @param fn what users call the function
 * @param given an object, or the value of the first of `names`, as PyTorch takes it by position
 * @param names the options that the function has
 */
export function optionsOf<T extends object>(fn: string, given: unknown, names: readonly (keyof T & OptionName)[]): T {
  if (given === undefined || given === null) return {} as T;
  if (!isOptions(given)) return checked(fn, { [names[0]!]: given } as T, names);
  const wrong = unknownOption(fn, given, names);
  if (wrong !== null) fail(wrong);
  return checked(fn, given as T, names);
}

/** Whether an argument holds options by their names. */
export function isOptions(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || isTraced(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** The dimensions of a call, given by position or as the option `dim`, and the options behind them. */
export function dimOptions<T extends { readonly dim?: unknown }>(
  fn: string,
  dim: unknown,
  given: unknown,
  names: readonly (Exclude<keyof T, 'dim'> & OptionName)[],
): T {
  const all: readonly (keyof T & OptionName)[] = ['dim', ...names];
  if (!isOptions(dim))
    return checked(fn, { ...optionsOf<T>(fn, given, names), ...(dim !== undefined && { dim }) }, all);
  if (given !== undefined) fail(`${fn}: options come last, and once`);
  return optionsOf(fn, dim, all);
}

function checked<T extends object>(fn: string, options: T, names: readonly (keyof T & OptionName)[]): T {
  for (const name of names) {
    const value: unknown = options[name];
    const { text, fits }: Kind = KINDS[name];
    if (value !== undefined && !fits(value)) fail(`${fn}: ${name} is ${shown(value)}. It is ${text}`);
  }
  return options;
}

/** How much of a value an error shows, in characters. */
const LONGEST = 80;

/** A value as errors show it. */
export function shown(value: unknown): string {
  const text = whole(value);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

function whole(value: unknown): string {
  if (tensor.fits(value)) return 'a tensor';
  if (typeof value === 'function') return 'a function';
  if (ArrayBuffer.isView(value)) return `a ${value.constructor.name}`;
  // JSON has no tensors, no NaN and no bigint.
  if (Array.isArray(value)) return `[${value.map(whole).join()}]`;
  if (isOptions(value))
    return `{${Object.entries(value).map(([name, entry]) => `${JSON.stringify(name)}:${whole(entry)}`)}}`;
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}
