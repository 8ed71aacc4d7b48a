import { DTYPES } from '../graph/types.ts';
import { Tensor } from '../tensor/tensor.ts';
import { isTraced } from './nodes.ts';

/** What a parameter or an option takes: its text in errors, and the test. */
export interface Kind {
  readonly text: string;
  readonly fits: (value: unknown) => boolean;
}

/** A tensor with its elements, or one of a block. */
function isTensor(value: unknown): boolean {
  return value instanceof Tensor || isTraced(value);
}

export const tensor: Kind = { text: 'a tensor', fits: isTensor };
/** What can stand for a tensor is looked at where it becomes one. */
export const operand: Kind = { text: 'a tensor, a number or an array', fits: () => true };
export const operands: Kind = { text: 'an array of tensors', fits: Array.isArray };
export const flag: Kind = { text: 'true or false', fits: (value) => typeof value === 'boolean' };
/** A number that must be known while the block is traced. */
export const plain: Kind = { text: 'a number', fits: (value) => typeof value === 'number' };
export const number: Kind = { text: 'a number', fits: (value) => typeof value === 'number' || isTensor(value) };
export const text: Kind = { text: 'a text', fits: (value) => typeof value === 'string' };
export const dim: Kind = { text: 'a dimension, which is a whole number', fits: Number.isInteger };
/** A size or a place, which the run may tell. */
export const size: Kind = { text: 'a whole number', fits: (value) => Number.isInteger(value) || isTensor(value) };
export const sizes: Kind = { text: 'an array of whole numbers', fits: (value) => isListOf(size, value) };
export const dtype: Kind = oneOf(DTYPES);
export const none: Kind = { text: 'null', fits: (value) => value === null };
export const dims: Kind = {
  text: 'a dimension, an array of them or null',
  fits: (value) => value === null || dim.fits(value) || isListOf(dim, value),
};

export function oneOf(values: readonly unknown[]): Kind {
  return {
    text: `one of ${values.map((value) => JSON.stringify(value)).join(', ')}`,
    fits: (value) => values.includes(value),
  };
}

/** One kind or another. */
export function either(...kinds: readonly Kind[]): Kind {
  return {
    text: kinds.map((kind) => kind.text).join(', or '),
    fits: (value) => kinds.some((kind) => kind.fits(value)),
  };
}

function isListOf(kind: Kind, value: unknown): boolean {
  return Array.isArray(value) && value.every(kind.fits);
}
