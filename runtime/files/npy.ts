import { type FileHandle, open, readFile, rename, rm } from 'node:fs/promises';
import type { DType } from '../graph/types.ts';
import type { AnyTensor, Returned } from '../tensor/tensor.ts';
import { checkPath, checkTensor } from './check.ts';
import { TensorFileError } from './error.ts';
import { formatHeader, LONGEST_HEADER, type NpyHeader, parseHeader } from './npy-header.ts';
import { readFully, sizeOf, tensorOf, widthOf } from './read.ts';
import { besideOf, bytesOf, writeWhole } from './write.ts';

/** A tensor as numpy's `save` writes it: read it with `numpy.load`. */
export async function saveNpy(path: string, tensor: AnyTensor, ...more: readonly never[]): Promise<void> {
  checkPath('saveNpy(path, tensor)', path, more);
  checkTensor('saveNpy(path, tensor)', tensor);
  await writeWhole(path, npyOf(tensor));
}

export function npyOf(tensor: AnyTensor): Uint8Array[] {
  return [formatHeader(tensor.dtype, tensor.dims), bytesOf(tensor)];
}

/**
 * What numpy's `save` wrote: numbers and truth values of any dtype that tensors have, in either order of bytes and of
 * dimensions.
 * @throws TensorFileError for a file that is damaged, or holds something else
 */
export async function loadNpy(path: string, ...more: readonly never[]): Promise<Returned<DType>> {
  checkPath('loadNpy(path)', path, more);
  return parseNpy(await readFile(path), path);
}

export function parseNpy(bytes: Uint8Array, place: string): Returned<DType> {
  const header = parseHeader(bytes, place);
  const { dtype, dims, offset } = header;
  const wanted = sizeOf(dims) * widthOf(dtype);
  if (bytes.length - offset !== wanted) throw wrongSize(place, header, bytes.length - offset);
  return elementsOf(header, dims, bytes.subarray(offset));
}

/** The rows of a .npy file, read when they are asked for, so that a file may be larger than memory. */
export class NpyFile {
  readonly #file: FileHandle;
  readonly #header: NpyHeader;
  readonly #path: string;

  private constructor(file: FileHandle, header: NpyHeader, path: string) {
    this.#file = file;
    this.#header = header;
    this.#path = path;
  }

  /** @throws TensorFileError */
  static async open(path: string, ...more: readonly never[]): Promise<NpyFile> {
    checkPath('NpyFile.open(path)', path, more);
    const file = await open(path);
    try {
      const start = new Uint8Array(LONGEST_HEADER);
      const { bytesRead } = await file.read(start, 0, LONGEST_HEADER, 0);
      const header = parseHeader(start.subarray(0, bytesRead), path);
      const { size } = await file.stat();
      const wanted = sizeOf(header.dims) * widthOf(header.dtype);
      if (size - header.offset !== wanted) throw wrongSize(path, header, size - header.offset);
      if (header.isFortran || header.dims.length === 0) {
        throw new TensorFileError(`${path} has no rows one after another: read it with loadNpy().`);
      }
      return new NpyFile(file, header, path);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  get dtype(): DType {
    return this.#header.dtype;
  }

  get dims(): readonly number[] {
    return this.#header.dims;
  }

  /** The rows from `start` to before `end`, all unless given. */
  async rows(start = 0, end = this.dims[0]!, ...more: readonly never[]): Promise<Returned<DType>> {
    checkPath('rows(start, end)', this.#path, more);
    const [count, ...rest] = this.dims as [number, ...number[]];
    if (!(Number.isInteger(start) && Number.isInteger(end) && 0 <= start && start <= end && end <= count)) {
      throw new RangeError(`${this.#path} has ${count} rows: there are none from ${start} to ${end}`);
    }
    const width = sizeOf(rest) * widthOf(this.dtype);
    const bytes = new Uint8Array((end - start) * width);
    await readFully(this.#file, bytes, this.#header.offset + start * width, this.#path);
    return elementsOf(this.#header, [end - start, ...rest], bytes);
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/**
 * Writes a .npy file row by row, in constant memory: `append` adds to dimension 0. The file is there, under its name, once
 * it is closed.
 */
export class NpyWriter {
  readonly #path: string;
  readonly #beside: string;
  readonly #file: FileHandle;
  #like: { readonly dtype: DType; readonly dims: readonly number[] } | null = null;
  #rows = 0;
  /** Appends wait for each other. */
  #last: Promise<void> = Promise.resolve();
  #closed: Promise<void> | null = null;

  private constructor(path: string, beside: string, file: FileHandle) {
    this.#path = path;
    this.#beside = beside;
    this.#file = file;
  }

  static async open(path: string, ...more: readonly never[]): Promise<NpyWriter> {
    checkPath('NpyWriter.open(path)', path, more);
    const beside = besideOf(path);
    return new NpyWriter(path, beside, await open(beside, 'wx'));
  }

  /**
   * Adds rows: a tensor [rows, ...], of the dtype and the other dims of those before.
   * @throws TensorFileError where they differ
   */
  append(tensor: AnyTensor, ...more: readonly never[]): Promise<void> {
    checkPath('append(tensor)', this.#path, more);
    checkTensor('append(tensor)', tensor);
    if (this.#closed) throw new TensorFileError(`${this.#path} is closed: no rows can be appended.`);
    const { dtype, dims } = tensor;
    const [count, ...rest] = dims;
    if (count === undefined)
      throw new TensorFileError('A tensor without dimensions has no rows: append(x.reshape(1)).');
    const like = this.#like;
    if (like && (like.dtype !== dtype || like.dims.join() !== rest.join())) {
      throw new TensorFileError(
        `${this.#path} has rows of ${like.dtype}[${like.dims.join(', ')}], and these are of ${dtype}[${rest.join(', ')}].`,
      );
    }
    this.#like ??= { dtype, dims: rest };
    const isFirst = like === null;
    this.#rows += count;
    // As they are now: a parameter changes in place.
    const bytes = bytesOf(tensor).slice();
    this.#last = this.#last.then(async () => {
      if (isFirst) await this.#file.write(formatHeader(dtype, [0, ...rest]));
      await this.#file.appendFile(bytes);
    });
    return this.#last;
  }

  /** Closing it again does nothing. @throws TensorFileError if nothing was appended */
  close(): Promise<void> {
    this.#closed ??= this.#finish();
    return this.#closed;
  }

  async #finish(): Promise<void> {
    try {
      await this.#last;
      if (!this.#like)
        throw new TensorFileError(`${this.#path}: no rows were appended, so that their dtype is not known.`);
      // The header has room for the number of rows.
      const header = formatHeader(this.#like.dtype, [this.#rows, ...this.#like.dims]);
      await this.#file.write(header, 0, header.length, 0);
      await this.#file.close();
      await rename(this.#beside, this.#path);
    } catch (error) {
      await this.#file.close().catch(() => {});
      await rm(this.#beside, { force: true });
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function wrongSize(place: string, { dtype, dims }: NpyHeader, size: number): TensorFileError {
  const wanted = sizeOf(dims) * widthOf(dtype);
  return new TensorFileError(
    `${place}: ${dtype}[${dims.join(', ')}] has ${wanted} bytes, but ${size} are there. The file is damaged, or not whole.`,
  );
}

function elementsOf(
  { dtype, isFortran, isSwapped }: NpyHeader,
  dims: readonly number[],
  bytes: Uint8Array,
): Returned<DType> {
  const width = widthOf(dtype);
  const elements = isSwapped ? swapped(bytes, width) : bytes;
  return tensorOf(dtype, dims, isFortran ? inRows(elements, width, dims) : elements);
}

function swapped(bytes: Uint8Array, width: number): Uint8Array {
  const turned = bytes.slice();
  for (let i = 0; i < turned.length; i += width) turned.subarray(i, i + width).reverse();
  return turned;
}

/** Elements whose first dimension changes fastest, in the order of rows. */
function inRows(bytes: Uint8Array, width: number, dims: readonly number[]): Uint8Array {
  const turned = new Uint8Array(bytes.length);
  const strides = dims.map((_, i) => sizeOf(dims.slice(0, i)));
  const place = dims.map(() => 0);
  for (let to = 0; to < bytes.length; to += width) {
    const from = width * place.reduce((sum, at, i) => sum + at * strides[i]!, 0);
    turned.set(bytes.subarray(from, from + width), to);
    for (let i = dims.length - 1; i >= 0 && ++place[i]! === dims[i]; i--) place[i] = 0;
  }
  return turned;
}
