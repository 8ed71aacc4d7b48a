import type { DType } from '../graph/types.ts';
import { TensorFileError } from './error.ts';

/** numpy's name of each dtype, in the byte order in which it is written. */
const DESCR: Readonly<Record<DType, string>> = {
  float16: '<f2',
  float32: '<f4',
  float64: '<f8',
  int8: '|i1',
  int16: '<i2',
  int32: '<i4',
  int64: '<i8',
  uint8: '|u1',
  uint16: '<u2',
  uint32: '<u4',
  uint64: '<u8',
  bool: '|b1',
};

const MAGIC = Buffer.from('\x93NUMPY', 'latin1');
const ALIGNMENT = 64;
/** The first dimension may grow to so many digits without moving the data behind the header. */
const GROWTH = 21;

export interface NpyHeader {
  readonly dtype: DType;
  readonly dims: readonly number[];
  /** Whether the first dimension changes fastest. */
  readonly isFortran: boolean;
  /** Whether the bytes of each element stand in the other order. */
  readonly isSwapped: boolean;
  /** Where the elements begin. */
  readonly offset: number;
}

/** The header of an array in C order, to the byte as numpy writes it. */
export function formatHeader(dtype: DType, dims: readonly number[]): Uint8Array {
  const shape = dims.length === 1 ? `(${dims[0]},)` : `(${dims.join(', ')})`;
  const room = dims.length > 0 ? GROWTH - `${dims[0]}`.length : 0;
  const text = `{'descr': '${DESCR[dtype]}', 'fortran_order': False, 'shape': ${shape}, }${' '.repeat(room)}`;
  const padding = ALIGNMENT - ((MAGIC.length + 4 + text.length + 1) % ALIGNMENT);
  const start = Buffer.from([...MAGIC, 1, 0, 0, 0]);
  start.writeUInt16LE(text.length + padding + 1, MAGIC.length + 2);
  return Buffer.concat([start, Buffer.from(`${text}${' '.repeat(padding)}\n`)]);
}

/** How many bytes there are at most before the elements. */
export const LONGEST_HEADER = 65_536;

/**
 * @param bytes the file, or its first `LONGEST_HEADER` bytes
 * @param place names the file in errors
 * @throws TensorFileError
 */
export function parseHeader(bytes: Uint8Array, place: string): NpyHeader {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!view.subarray(0, MAGIC.length).equals(MAGIC)) throw new TensorFileError(`${place} is not a .npy file.`);
  const version = view[MAGIC.length] ?? 0;
  const at = MAGIC.length + 2;
  const width = version === 1 ? 2 : 4;
  if (version < 1 || version > 3) throw new TensorFileError(`${place}: version ${version} of .npy is not known.`);
  if (view.length < at + width) throw new TensorFileError(`${place} ends within its header.`);
  const offset = at + width + view.readUIntLE(at, width);
  if (offset > view.length) throw new TensorFileError(`${place} ends within its header.`);
  const text = view.toString('latin1', at + width, offset);
  let rest = text;
  const field = (name: string, value: string) => {
    const [whole, found] = new RegExp(`['"]${name}['"]\\s*:\\s*${value}`).exec(rest) ?? [];
    rest = rest.replace(whole ?? '', '');
    return found;
  };
  const descr = field('descr', `['"]([^'"]*)['"]`);
  const shape = field('shape', '\\(([\\d\\s,L]*)\\)');
  const order = field('fortran_order', '(True|False)');
  if (shape === undefined || order === undefined)
    throw new TensorFileError(`${place} has a header that says no shape.`);
  const [, bytesFirst, kind] = /^([<>|=]?)([a-z]\d+)$/.exec(descr ?? '') ?? [];
  const dtype = (Object.keys(DESCR) as DType[]).find((one) => DESCR[one].slice(1) === kind);
  if (!dtype) {
    const found = descr ?? 'a structured array';
    throw new TensorFileError(
      `${place} holds ${found}, which no tensor is: its dtype is one of ${Object.values(DESCR).join(', ')}. Convert it with astype.`,
    );
  }
  if (!/^\{[\s,]*\}\s*$/.test(rest))
    throw new TensorFileError(`${place} has a header that says more than an array has.`);
  const dims = [...shape.matchAll(/\d+/g)].map(([size]) => Number(size));
  if (!dims.every(Number.isSafeInteger)) throw new TensorFileError(`${place} has a header that says no shape.`);
  return { dtype, dims, isFortran: order === 'True' && dims.length > 1, isSwapped: bytesFirst === '>', offset };
}
