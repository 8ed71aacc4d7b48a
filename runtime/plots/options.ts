import { refuseMore } from '../arguments.ts';
import { UserError } from '../errors.ts';
import { unknownOption } from '../nearest.ts';
import type { Heading } from './picture.ts';

/** What an option of a chart may be: how errors call it, and the test. */
interface Kind {
  readonly text: string;
  readonly fits: (value: unknown) => boolean;
}

/** All options of a chart: the compiler asks for each. */
type Kinds<Chart> = { readonly [K in keyof Required<Chart>]: Kind };

const isText = (value: unknown) => typeof value === 'string';
const isNumber = (value: unknown) => typeof value === 'number';
const isTensor = (value: unknown) => typeof value === 'object' && value !== null && 'data' in value && 'dims' in value;
const listOf = (fits: Kind['fits']) => (value: unknown) => Array.isArray(value) && value.every(fits);

export const TEXT: Kind = { text: 'a text', fits: isText };
export const TEXTS: Kind = { text: 'a list of texts', fits: listOf(isText) };
export const ROWS_OF_TEXTS: Kind = { text: 'a list of texts for each row', fits: listOf(listOf(isText)) };
export const OBJECTS: Kind = {
  text: 'a list of objects',
  fits: listOf((value) => typeof value === 'object' && value !== null),
};
export const VECTOR: Kind = {
  text: 'a list of numbers, or a tensor',
  fits: (value) => isTensor(value) || listOf(isNumber)(value),
};
export const MATRIX: Kind = {
  text: 'rows of numbers, or a tensor',
  fits: (value) => isTensor(value) || listOf(listOf(isNumber))(value),
};
export const DOMAIN: Kind = {
  text: 'two numbers, the lower one first',
  fits: (value) => listOf(Number.isFinite)(value) && (value as number[]).length === 2 && inOrder(value as number[]),
};
export const PIXELS: Kind = {
  text: 'a number above 0',
  fits: (value) => Number.isFinite(value) && (value as number) > 0,
};
export const COUNT: Kind = {
  text: 'a whole number from 1 on',
  fits: (value) => Number.isSafeInteger(value) && (value as number) > 0,
};
export const HEADING: Kinds<Heading> = {
  title: TEXT,
  subtitle: { text: 'a text or a list of texts', fits: (value) => isText(value) || TEXTS.fits(value) },
};

/**
 * Checks the options of a chart, `call` being the user's name for it: a name that is not there, one of `needed` that is
 * missing and a value that does not fit are errors.
 */
export function checkChart<Chart extends object>(
  call: string,
  chart: Chart,
  kinds: Kinds<Chart>,
  needed: readonly (keyof Chart & string)[],
  more: readonly unknown[] = [],
): void {
  refuseMore(`${call}(chart)`, more);
  if (typeof chart !== 'object' || chart === null)
    throw new UserError(`${call} takes an object, not ${String(chart)}.`);
  const wrong = unknownOption(call, chart, Object.keys(kinds));
  if (wrong !== null) throw new UserError(`${wrong}.`);
  for (const name of Object.keys(kinds) as (keyof Chart & string)[]) {
    const value: unknown = chart[name];
    const { text, fits } = kinds[name];
    if (value === undefined && needed.includes(name)) throw new UserError(`${call} needs ${name}: ${text}.`);
    if (value !== undefined && !fits(value)) throw new UserError(`The option ${name} of ${call} is ${text}.`);
  }
}

/** Checks that there are as many of one thing as of another: `9 names, but 8 points`. */
export function checkCounts(call: string, names: string, count: number, others: string, wanted: number): void {
  if (count !== wanted) throw new UserError(`${call} is given ${count} ${names}, but ${wanted} ${others}.`);
}

/** Checks that a heat map has a name for each row and each column. */
export function checkGrid(
  call: string,
  values: readonly (readonly unknown[])[],
  { rows, columns }: { readonly rows: readonly string[]; readonly columns: readonly string[] },
): void {
  if (values.length === 0 || columns.length === 0) throw new UserError(`${call} is given no values.`);
  checkCounts(call, 'names of rows', rows.length, 'rows of values', values.length);
  for (const row of values) checkCounts(call, 'names of columns', columns.length, 'values in a row', row.length);
}

function inOrder([low, high]: readonly number[]): boolean {
  return low! < high!;
}
