import { ReuseScope } from '../execution/reuse.ts';
import { isPlainObject } from '../tracing/plain-object.ts';

/** What an option takes: its text in errors, and the test. */
export interface OptionKind {
  readonly text: string;
  readonly fits: (value: unknown) => boolean;
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
const isText = (value: unknown) => typeof value === 'string';
const isFunction = (value: unknown) => typeof value === 'function';
const isId = (value: unknown) => Number.isInteger(value) && (value as number) >= 0;
const allOf = (fits: OptionKind['fits']) => (value: unknown) => Array.isArray(value) && value.every(fits);
const valuesOf = (fits: OptionKind['fits']) => (value: unknown) =>
  isPlainObject(value) && Object.values(value).every(fits);

/** What is checked where it is used, which knows more of what fits. */
export const CHECKED_LATER: OptionKind = { text: 'anything', fits: () => true };

export const FLAG: OptionKind = { text: 'true or false', fits: (value) => typeof value === 'boolean' };
export const TEXT: OptionKind = { text: 'a text', fits: isText };
export const FUNCTION: OptionKind = { text: 'a function', fits: isFunction };
export const OBJECT: OptionKind = { text: 'an object', fits: isObject };
export const OBJECTS: OptionKind = { text: 'an array of objects', fits: allOf(isObject) };
export const PROGRESS: OptionKind = {
  text: 'true, false or a function',
  fits: (value) => FLAG.fits(value) || isFunction(value),
};
/** Told by what it has: a program may bring a signal of another realm. */
export const SIGNAL: OptionKind = {
  text: 'an AbortSignal',
  fits: (value) => isObject(value) && 'aborted' in value && 'throwIfAborted' in value,
};
export const REUSE: OptionKind = {
  text: 'a ReuseScope or false',
  fits: (value) => value === false || value instanceof ReuseScope,
};
export const BACKEND: OptionKind = {
  text: 'an object with a function run(request)',
  fits: (value) => isObject(value) && 'run' in value && isFunction(value.run),
};
/** The longest time that a timer of Node takes. */
const LONGEST = 2 ** 32 - 1;
export const MILLISECONDS: OptionKind = {
  text: `a whole number of milliseconds up to ${LONGEST}`,
  fits: (value) => isId(value) && (value as number) <= LONGEST,
};
export const COUNT: OptionKind = {
  text: 'a whole number from 1 on',
  fits: (value) => Number.isSafeInteger(value) && (value as number) > 0,
};
export const WHOLE: OptionKind = { text: 'a whole number from 0 on', fits: isId };
export const TOKENS: OptionKind = {
  text: 'an array of token ids, whole numbers from 0 on',
  fits: allOf(isId),
};
export const TEXTS_BY_NAME: OptionKind = { text: 'an object of texts by name', fits: valuesOf(isText) };
export const NAMES_BY_PATH: OptionKind = {
  text: 'an object of names, or arrays of names, by path',
  fits: valuesOf((value) => isText(value) || allOf(isText)(value)),
};
