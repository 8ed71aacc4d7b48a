import * as functions from '../functions/index.ts';
import { power } from './math-functions.ts';

/** Operators that compute with the elements of tensors that a trace gave. A comparison of these is not one truth value. */
export const ELEMENTWISE = new Set(['+', '-', '*', '/', '%', '**', '&', '|', '^']);

type Binary = (a: never, b: never) => unknown;

export const TENSOR_BINARY: Readonly<Record<string, Binary>> = {
  '+': functions.add,
  '-': functions.sub,
  '*': functions.mul,
  '/': functions.div,
  '%': functions.fmod,
  '**': power,
  '<': functions.lt,
  '<=': functions.le,
  '>': functions.gt,
  '>=': functions.ge,
  '==': functions.eq,
  '!=': functions.ne,
  '===': functions.eq,
  '!==': functions.ne,
  '&': functions.bitwiseAnd,
  '|': functions.bitwiseOr,
  '^': functions.bitwiseXor,
};

// biome-ignore-start lint/suspicious/noDoubleEquals: these are the operators themselves.
export const PLAIN_BINARY: Readonly<Record<string, (a: never, b: never) => unknown>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
  '%': (a, b) => a % b,
  '**': (a: number, b: number) => a ** b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
  '==': (a, b) => a == b,
  '!=': (a, b) => a != b,
  '===': (a, b) => a === b,
  '!==': (a, b) => a !== b,
  '&': (a, b) => a & b,
  '|': (a, b) => a | b,
  '^': (a, b) => a ^ b,
  '<<': (a, b) => a << b,
  '>>': (a, b) => a >> b,
  '>>>': (a, b) => a >>> b,
  in: (a, b) => a in b,
  instanceof: (a: unknown, b: never) => (a as object) instanceof b,
};
// biome-ignore-end lint/suspicious/noDoubleEquals: these are the operators themselves.

/** The operators that tensors do not have, each with a replacement. */
export const MEANINGLESS: Readonly<Record<string, string>> = {
  '<<': 'The operator << has no meaning for tensors. Write x * 2 ** n.',
  '>>': 'The operator >> has no meaning for tensors. Write Math.floor(x / 2 ** n).',
  '>>>': 'The operator >>> has no meaning for tensors. Write Math.floor(x / 2 ** n).',
  in: '`in` asks an object for a key, and has no meaning for a number or the elements of a tensor. To look for a value write any(tensor == value).',
};

export const ARITHMETIC = new Set(['+', '-', '*', '/', '%', '**']);
/** The operators that make numbers of what is no text. */
export const NUMERIC = new Set([...ARITHMETIC, '<', '<=', '>', '>=', '&', '|', '^', '<<', '>>', '>>>']);
export const EQUALITY = new Set(['==', '!=', '===', '!==']);
export const LOOSE = new Set(['==', '!=']);
export const STRICT = new Set(['===', '!==']);
export const ORDER = new Set(['<', '<=', '>', '>=']);
/** The operators that ask undefined and null, too. */
export const ASKING = new Set([...EQUALITY, 'instanceof']);
