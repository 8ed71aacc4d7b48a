import { UserError } from '../errors.ts';

/** A tensor of any dtype with its elements, as traces give them. */
interface Elements {
  readonly dims: readonly number[];
  readonly data: ArrayLike<number | bigint | boolean>;
}

/** Numbers of a picture: an array, or a tensor of one dimension. */
export type Vector = readonly number[] | Elements;

/** Rows of numbers: arrays, or a tensor of two dimensions. */
export type Matrix = readonly (readonly number[])[] | Elements;

export function vectorOf(values: Vector): number[] {
  if (!('data' in values)) return [...values];
  if (values.dims.length !== 1) throw wrong(values, 1);
  return Array.from(values.data, Number);
}

export function matrixOf(values: Matrix): number[][] {
  if (!('data' in values)) return values.map((row) => [...row]);
  const { dims, data } = values;
  if (dims.length !== 2) throw wrong(values, 2);
  const [rows, columns] = dims as [number, number];
  return Array.from({ length: rows }, (_, y) =>
    Array.from({ length: columns }, (_, x) => Number(data[y * columns + x])),
  );
}

function wrong({ dims }: Elements, wanted: number): UserError {
  const size = `[${dims.join(', ')}]`;
  return new UserError(
    `The values are a tensor of dims ${size}, where ${wanted} are expected: take a slice of it first.`,
  );
}
