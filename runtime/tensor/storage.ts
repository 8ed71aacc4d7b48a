import type { DType } from '../graph/types.ts';
import { decodeFloat16, encodeFloat16 } from './float16.ts';

/** The typed array that holds the elements of each dtype as the engine sees them: halves as their bits, bools as bytes. */
const RAW = {
  float16: Uint16Array,
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
} as const;

export type RawOf<D extends DType> = InstanceType<(typeof RAW)[D]>;
export type Raw = RawOf<DType>;
/** What `tensor.data` is: the raw elements, except that halves are decoded. */
export type DataOf<D extends DType> = D extends 'float16' ? Float32Array : RawOf<D>;
export type Data = DataOf<DType>;
/** What a tensor can be made from. `Float16Array` is accepted too where the engine has it. */
export type TypedArray = Exclude<Raw, never> | Uint8ClampedArray;

/** The constructor of a dtype's elements. */
export function arrayOf(dtype: DType) {
  return RAW[dtype];
}

/** Room for `length` zeros. */
export function allocate<D extends DType>(dtype: D, length: number): RawOf<D> {
  if (!Object.hasOwn(RAW, dtype)) {
    throw new TypeError(`there is no dtype ${JSON.stringify(dtype)}; there are ${Object.keys(RAW).join(', ')}`);
  }
  return new RAW[dtype](length) as RawOf<D>;
}

export function isRawOf(raw: unknown, dtype: DType): raw is Raw {
  return raw instanceof RAW[dtype];
}

export function isFloatDType(dtype: DType): dtype is 'float16' | 'float32' | 'float64' {
  return dtype === 'float16' || dtype === 'float32' || dtype === 'float64';
}

/** The least and the greatest whole number of each dtype that holds no others. */
const RANGE: Partial<Readonly<Record<DType, readonly [bigint, bigint]>>> = {
  int8: [-(2n ** 7n), 2n ** 7n - 1n],
  int16: [-(2n ** 15n), 2n ** 15n - 1n],
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint8: [0n, 2n ** 8n - 1n],
  uint16: [0n, 2n ** 16n - 1n],
  uint32: [0n, 2n ** 32n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
};

/** Whether PyTorch would call a number an integer: it is whole, and an int64 holds it. */
export function isWhole(value: number): boolean {
  return Number.isInteger(value) && value >= -(2 ** 63) && value < 2 ** 63;
}

/** The fractions whose conversion to integers is defined, and which PyTorch cuts off and lets wrap around. */
const OF_FRACTIONS: Partial<Readonly<Record<DType, readonly [bigint, bigint]>>> = {
  int64: RANGE.int64!,
  uint64: [-(2n ** 63n), 2n ** 64n - 1n],
  uint32: [-(2n ** 31n), 2n ** 32n - 1n],
};

/**
 * Elements for `dtype` out of numbers, bigints or booleans; fractions are cut off for integer dtypes, as in PyTorch.
 * A number that does not fit is a `RangeError`; the elements of a typed array are converted and wrap around, as in PyTorch,
 * except fractions so large that processors differ: they are a `RangeError`, too.
 */
export function encode<D extends DType>(values: ArrayLike<number | bigint | boolean>, dtype: D): RawOf<D> {
  const raw: Raw = allocate(dtype, values.length);
  if (dtypeOfArray(values) === dtype && dtype !== 'float16') {
    raw.set(values as never);
    return raw as RawOf<D>;
  }
  const range = rangeOf(values, dtype);
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0;
    if (range) checkRange(value, range, dtype);
    if (raw instanceof BigInt64Array || raw instanceof BigUint64Array) raw[i] = toBigInt(value);
    // NaN is true in PyTorch, and false in JavaScript.
    else if (dtype === 'bool') raw[i] = value || Number.isNaN(value) ? 1 : 0;
    else if (dtype === 'float16') raw[i] = encodeFloat16(Number(value));
    else raw[i] = isFloatDType(dtype) ? Number(value) : toInteger(value);
  }
  return raw as RawOf<D>;
}

/**
 * The elements as a user reads them. A program may write any byte to a truth: all but 0 are true, where ONNX Runtime would
 * compute with the byte.
 */
export function decode(raw: Raw, dtype: DType): Data {
  if (dtype === 'bool') return (raw as RawOf<'bool'>).map((byte) => byte && 1);
  return dtype === 'float16' && raw instanceof Uint16Array ? Float32Array.from(raw, decodeFloat16) : raw;
}

/** Halves as their bits: where the engine has a `Float16Array`, ONNX Runtime gives one. */
export function bitsOfHalves(raw: Raw): Raw {
  return dtypeOfArray(raw) === 'float16' ? new Uint16Array(raw.buffer, raw.byteOffset, raw.length) : raw;
}

/** The dtype whose elements a typed array holds, or null if it is not a typed array. */
export function dtypeOfArray(array: unknown): DType | null {
  const name = Object.prototype.toString.call(array);
  const [, kind, bits] = /^.object (?:Big)?(Float|Int|Uint)(\d+)(?:Clamped)?Array.$/i.exec(name) ?? [];
  return kind ? ((kind.toLowerCase() + bits) as DType) : null;
}

/** What the elements have to lie in to be of `dtype`, or undefined where all are. */
function rangeOf(values: ArrayLike<number | bigint | boolean>, dtype: DType): readonly [bigint, bigint] | undefined {
  const from = dtypeOfArray(values);
  if (from === null || !RANGE[dtype]) return RANGE[dtype];
  if (!isFloatDType(from)) return undefined;
  return OF_FRACTIONS[dtype] ?? RANGE.int32;
}

function checkRange(
  value: number | bigint | boolean,
  [least, greatest]: readonly [bigint, bigint],
  dtype: DType,
): void {
  const whole = typeof value === 'bigint' ? value : toInteger(value);
  if (whole < least || whole > greatest) {
    const [from, to] = RANGE[dtype]!;
    throw new RangeError(`${value} does not fit in ${dtype}, whose numbers go from ${from} to ${to}`);
  }
}

function toBigInt(value: number | bigint | boolean): bigint {
  return typeof value === 'bigint' ? value : BigInt(toInteger(value));
}

function toInteger(value: number | bigint | boolean): number {
  const number = Math.trunc(Number(value));
  if (!Number.isFinite(number)) throw new RangeError(`cannot convert ${number} to an integer`);
  return number;
}
