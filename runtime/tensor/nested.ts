import { DTYPES, type DType } from '../graph/types.ts';
import { type Data, decode, dtypeOfArray, isWhole, type Raw, type TypedArray } from './storage.ts';

/** Numbers in arrays of arrays, all of one length at each depth; rows may be typed arrays or tensors. */
export type NestedArray = readonly (number | bigint | boolean | TypedArray | TensorLike | NestedArray)[];

/** Numbers laid out in rows, with the dtype that PyTorch would give them (whole numbers that fit: int64, others: float32). */
export interface Flat {
  readonly dims: readonly number[];
  readonly values: ArrayLike<number | bigint | boolean>;
  readonly dtype: DType;
}

/** A tensor inside a nested array, described by its fields so that the class need not be imported here. */
export interface TensorLike {
  readonly dims: readonly number[];
  readonly dtype: DType;
  readonly data: Data;
  /** The elements as a tensor of this library keeps them. */
  readonly raw?: Raw;
}

/** A tensor of ONNX Runtime: halves are their bits, or a `Float16Array` where the engine has it. */
export interface OrtTensor {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: ArrayLike<number | bigint> | readonly string[];
}

/** Lays out anything that a tensor can be made from; throws a `TypeError` for ragged arrays and entries that are not numbers. */
export function flattenNested(value: unknown): Flat {
  const whole = flatRow(value);
  if (whole !== null) return whole;
  const values: (number | bigint | boolean)[] = [];
  const dtypes = new Set<DType>();
  const dims = collect(value, [], values, dtypes);
  return { dims, values, dtype: commonDType(dtypes) };
}

/** Typed arrays and tensors are laid out already. */
function flatRow(value: unknown): Flat | null {
  // A value of a trace that has become a tensor may be a function to JavaScript.
  if (Object(value) !== value) return null;
  const dtype = dtypeOfArray(value);
  if (dtype !== null) {
    const values = value as TypedArray;
    return { dims: [values.length], values, dtype };
  }
  if (isOrtTensor(value)) return { dims: value.dims, values: elementsOf(value), dtype: value.type as DType };
  if (isTensorLike(value)) {
    const { dims, dtype, raw } = value;
    return { dims, values: raw ? decode(raw, dtype) : value.data, dtype };
  }
  return null;
}

function isOrtTensor(value: unknown): value is OrtTensor {
  return Object(value) === value && ['type', 'dims', 'location', 'data'].every((name) => name in (value as object));
}

function elementsOf({ type, data }: OrtTensor): ArrayLike<number> {
  if (!(DTYPES as readonly string[]).includes(type)) throw new TypeError(`a tensor of ${type} has no numbers`);
  return decode(data as Raw, type as DType) as ArrayLike<number>;
}

function isTensorLike(value: unknown): value is TensorLike {
  return Object(value) === value && ['dims', 'dtype', 'data'].every((name) => name in (value as object));
}

/** How many dimensions a tensor has at most, as in PyTorch and numpy. */
export const MOST_DIMS = 64;

function collect(
  value: unknown,
  path: number[],
  values: (number | bigint | boolean)[],
  dtypes: Set<DType>,
): readonly number[] {
  if (path.length > MOST_DIMS) throw new TypeError(`the arrays are nested more than ${MOST_DIMS} deep`);
  if (!Array.isArray(value)) {
    const row = flatRow(value);
    if (row === null) {
      values.push(scalar(value, path));
      dtypes.add(scalarDType(value));
      return SCALAR;
    }
    for (let i = 0; i < row.values.length; i++) values.push(row.values[i] ?? 0);
    dtypes.add(row.dtype);
    return row.dims;
  }
  let first: readonly number[] | null = null;
  for (let i = 0; i < value.length; i++) {
    path.push(i);
    const dims = collect(value[i], path, values, dtypes);
    first ??= dims;
    if (dims !== first && dims.join() !== first.join()) throw raggedError(path, dims, first);
    path.pop();
  }
  return [value.length, ...(first ?? [])];
}

/** The dims of a single number: one object, so that rows of numbers compare at once. */
const SCALAR: readonly number[] = [];

function scalar(value: unknown, path: readonly number[]): number | bigint | boolean {
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return value;
  const what = value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value;
  const where = path.length === 0 ? '' : ` at ${place(path)}`;
  throw new TypeError(`a tensor is made of numbers, but there is ${what}${where}`);
}

function scalarDType(value: unknown): DType {
  if (typeof value === 'boolean') return 'bool';
  return typeof value === 'bigint' || isWhole(value as number) ? 'int64' : 'float32';
}

function commonDType(dtypes: ReadonlySet<DType>): DType {
  const order: readonly DType[] = [
    'float64',
    'float32',
    'float16',
    'int64',
    'uint64',
    'int32',
    'uint32',
    'int16',
    'uint16',
    'int8',
    'uint8',
    'bool',
  ];
  // An empty array has no numbers to tell; PyTorch calls it float32.
  return order.find((dtype) => dtypes.has(dtype)) ?? 'float32';
}

function raggedError(path: readonly number[], dims: readonly number[], expected: readonly number[]): TypeError {
  const describe = (shape: readonly number[]) =>
    shape.length === 0 ? 'a number' : `an array of [${shape.join(', ')}]`;
  return new TypeError(
    `the arrays are ragged: ${place(path)} is ${describe(dims)}, but the entries before it are ${describe(expected)}`,
  );
}

function place(path: readonly number[]): string {
  return path.map((index) => `[${index}]`).join('');
}
