import type { DType } from './dtypes.ts';
import { GraphError } from './error.ts';

/** An element as JSON: 64-bit integers are strings of digits, and what is not finite its name. */
export type ElementJson = number | string;

/** The integers that each dtype holds; a float16 is its 16 bits. */
export const RANGES: Readonly<Partial<Record<DType, readonly [least: bigint, most: bigint]>>> = {
  bool: [0n, 1n],
  int8: [-(2n ** 7n), 2n ** 7n - 1n],
  uint8: [0n, 2n ** 8n - 1n],
  int16: [-(2n ** 15n), 2n ** 15n - 1n],
  uint16: [0n, 2n ** 16n - 1n],
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  uint32: [0n, 2n ** 32n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
  float16: [0n, 2n ** 16n - 1n],
};

/** The elements of an operand as the engine holds them. Throws a GraphError for one that the dtype does not have. */
export function operandData(
  dtype: DType,
  elements: readonly ElementJson[],
  path: string,
): ArrayLike<number> | ArrayLike<bigint> {
  const integer = (element: ElementJson) => integerOf(dtype, element, path);
  const number = (element: ElementJson) => Number(integer(element));
  switch (dtype) {
    case 'int64':
      return BigInt64Array.from(elements, integer);
    case 'uint64':
      return BigUint64Array.from(elements, integer);
    case 'float32':
      return Float32Array.from(elements, (element) => floatOf(dtype, element, path));
    case 'float64':
      return Float64Array.from(elements, (element) => floatOf(dtype, element, path));
    case 'float16':
    case 'uint16':
      return Uint16Array.from(elements, number);
    case 'int32':
      return Int32Array.from(elements, number);
    case 'uint32':
      return Uint32Array.from(elements, number);
    case 'int16':
      return Int16Array.from(elements, number);
    case 'int8':
      return Int8Array.from(elements, number);
    default:
      return Uint8Array.from(elements, number);
  }
}

const NOT_FINITE: ReadonlySet<ElementJson> = new Set(['NaN', 'Infinity', '-Infinity']);
/** The largest finite number of single precision. */
const LARGEST_FLOAT = 2 ** 128 - 2 ** 104;

function floatOf(dtype: DType, element: ElementJson, path: string): number {
  if (typeof element === 'string' && !NOT_FINITE.has(element))
    throw new GraphError(`${path}: '${element}' is no ${dtype}: give a number, or ${[...NOT_FINITE].join(', ')}`);
  const value = Number(element);
  if (dtype === 'float32' && Number.isFinite(value) && Math.abs(value) > LARGEST_FLOAT)
    throw new GraphError(`${path}: ${element} is no ${dtype}, whose largest is ${LARGEST_FLOAT}`);
  return value;
}

function integerOf(dtype: DType, element: ElementJson, path: string): bigint {
  const isLong = dtype === 'int64' || dtype === 'uint64';
  const isExact = typeof element === 'number' ? Number.isSafeInteger(element) : isLong && /^-?\d+$/.test(element);
  if (!isExact) {
    const hint = typeof element === 'number' && Number.isInteger(element) ? ': give its digits as a string' : '';
    throw new GraphError(`${path}: ${typeof element === 'string' ? `'${element}'` : element} is no ${dtype}${hint}`);
  }
  const [least, most] = RANGES[dtype]!;
  const value = BigInt(element);
  if (value < least || value > most) {
    throw new GraphError(`${path}: ${element} is no ${dtype}, which runs from ${least} to ${most}`);
  }
  return value;
}
