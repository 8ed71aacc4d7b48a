import { type FileHandle, open } from 'node:fs/promises';
import * as z from 'zod';
import type { DType } from '../graph/types.ts';
import { type AnyTensor, type Returned, Tensor } from '../tensor/tensor.ts';
import { checkPath, checkTensors } from './check.ts';
import { TensorFileError } from './error.ts';
import { nameThatStandsTwice } from './json-names.ts';
import { readFully, sizeOf, tensorOf, widthOf } from './read.ts';
import { bytesOf, writeWhole } from './write.ts';

/** The format's name of each dtype. Its own tools write those that come last here first, so that each begins at a multiple of its width. */
const NAMES: Readonly<Record<DType, string>> = {
  bool: 'BOOL',
  uint8: 'U8',
  int8: 'I8',
  int16: 'I16',
  uint16: 'U16',
  float16: 'F16',
  int32: 'I32',
  uint32: 'U32',
  float32: 'F32',
  float64: 'F64',
  int64: 'I64',
  uint64: 'U64',
};
const DTYPES = Object.keys(NAMES) as DType[];

/** A dtype that tensors here do not have: its values are those of float32 with fewer digits. */
const BFLOAT16 = 'BF16';

const SAVE = 'saveSafetensors(path, tensors, metadata?)';
const METADATA = '__metadata__';
const ALIGNMENT = 8;
/** As the format's own reader has it: a longer header is an attack. */
const LONGEST_HEADER = 100_000_000;

const size = z.number().int().nonnegative();
const entrySchema = z.object({ dtype: z.string(), shape: z.array(size), data_offsets: z.tuple([size, size]) });
/** Not a record, which leaves out a tensor that is called __proto__. */
const objectSchema = z.custom<Readonly<Record<string, unknown>>>(isPlainHeader);
const metadataSchema = z.record(z.string(), z.string());

type Entry = z.infer<typeof entrySchema>;

/**
 * Tensors by name, and texts about them, in a .safetensors file.
 * @throws TensorFileError for a name that the format keeps for itself
 */
export async function saveSafetensors(
  path: string,
  tensors: Readonly<Record<string, AnyTensor>>,
  metadata?: Readonly<Record<string, string>>,
  ...more: readonly never[]
): Promise<void> {
  checkPath(SAVE, path, more);
  checkTensors(SAVE, tensors);
  if (metadata !== undefined && !(isPlainHeader(metadata) && Object.values(metadata).every(isText))) {
    throw new TensorFileError(`${SAVE}: the metadata are texts by name, { model: 'toy' }.`);
  }
  if (Object.hasOwn(tensors, METADATA)) throw new TensorFileError(`No tensor can be called ${METADATA}.`);
  const sorted = Object.entries(tensors).sort(
    ([a, one], [b, other]) => DTYPES.indexOf(other.dtype) - DTYPES.indexOf(one.dtype) || (a < b ? -1 : 1),
  );
  let end = 0;
  const entries = sorted.map(([name, tensor]) => {
    const start = end;
    end += bytesOf(tensor).byteLength;
    return [name, { dtype: NAMES[tensor.dtype], shape: tensor.dims, data_offsets: [start, end] }] as const;
  });
  const text = JSON.stringify(Object.fromEntries([...(metadata ? [[METADATA, metadata] as const] : []), ...entries]));
  const length = Math.ceil(Buffer.byteLength(text) / ALIGNMENT) * ALIGNMENT;
  const header = Buffer.alloc(ALIGNMENT + length, ' ');
  header.writeBigUInt64LE(BigInt(length));
  header.write(text, ALIGNMENT);
  await writeWhole(path, [header, ...sorted.map(([, tensor]) => bytesOf(tensor))]);
}

/**
 * All tensors of a .safetensors file, by name. bfloat16 becomes float32, which has all of its values.
 * @throws TensorFileError for a file that is damaged, or holds dtypes that tensors do not have
 */
export async function loadSafetensors(
  path: string,
  ...more: readonly never[]
): Promise<Record<string, Returned<DType>>> {
  checkPath('loadSafetensors(path)', path, more);
  const file = await SafetensorsFile.open(path);
  try {
    const tensors: [string, Returned<DType>][] = [];
    for (const name of file.names) tensors.push([name, await file.get(name)]);
    return Object.fromEntries(tensors);
  } finally {
    await file.close();
  }
}

/** A .safetensors file whose tensors are read as they are asked for. */
export class SafetensorsFile {
  /** The texts about the tensors. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly #file: FileHandle;
  readonly #entries: ReadonlyMap<string, Entry>;
  readonly #start: number;
  readonly #path: string;

  private constructor(
    file: FileHandle,
    path: string,
    start: number,
    entries: ReadonlyMap<string, Entry>,
    metadata: Readonly<Record<string, string>>,
  ) {
    this.#file = file;
    this.#path = path;
    this.#start = start;
    this.#entries = entries;
    this.metadata = metadata;
  }

  /** @throws TensorFileError */
  static async open(path: string, ...more: readonly never[]): Promise<SafetensorsFile> {
    checkPath('SafetensorsFile.open(path)', path, more);
    const file = await open(path);
    try {
      const { size: total } = await file.stat();
      const prefix = Buffer.alloc(ALIGNMENT);
      const bad = (what: string, cause?: unknown) =>
        new TensorFileError(`${path} is not a .safetensors file, or damaged: ${what}.`, { cause });
      if (total < ALIGNMENT) throw bad('it has no header');
      await readFully(file, prefix, 0, path);
      const length = Number(prefix.readBigUInt64LE());
      const start = ALIGNMENT + length;
      if (length > LONGEST_HEADER || start > total) throw bad(`its header would have ${length} bytes`);
      const text = Buffer.alloc(length);
      await readFully(file, text, ALIGNMENT, path);
      const { entries, metadata } = parsed(text, bad);
      // As the format demands it, each byte is one tensor's.
      let end = 0;
      const byOffset = [...entries].sort(([, a], [, b]) => order(a.data_offsets, b.data_offsets));
      for (const [name, { data_offsets: offsets }] of byOffset) {
        if (offsets[0] !== end || offsets[1] < end || start + offsets[1] > total) {
          throw bad(
            `the elements of '${name}' are bytes ${offsets[0]} to ${offsets[1]} of ${total - start}, and should begin at ${end}`,
          );
        }
        end = offsets[1];
      }
      if (start + end !== total) throw bad(`its tensors end at byte ${end} of ${total - start}`);
      return new SafetensorsFile(file, path, start, entries, metadata);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** The names of its tensors. */
  get names(): readonly string[] {
    return [...this.#entries.keys()];
  }

  /** The dims of a tensor, which need not be read for that. */
  dimsOf(name: string): readonly number[] {
    return this.#entry(name).shape;
  }

  /**
   * Reads a tensor.
   * @throws TensorFileError for a name that it does not have, and a dtype that tensors do not have
   */
  async get(name: string, ...more: readonly never[]): Promise<Returned<DType>> {
    checkPath('get(name)', this.#path, more);
    const { dtype: written, shape, data_offsets } = this.#entry(name);
    const isBfloat16 = written === BFLOAT16;
    const dtype = isBfloat16 ? 'uint16' : DTYPES.find((one) => NAMES[one] === written);
    if (!dtype) {
      throw new TensorFileError(
        `${this.#path}: '${name}' is of ${written}, which no tensor is: one of ${Object.values(NAMES).join(', ')}, ${BFLOAT16} is read.`,
      );
    }
    const bytes = new Uint8Array(data_offsets[1] - data_offsets[0]);
    if (bytes.length !== sizeOf(shape) * widthOf(dtype)) {
      throw new TensorFileError(
        `${this.#path}: '${name}' is ${written}[${shape.join(', ')}], but has ${bytes.length} bytes. The file is damaged.`,
      );
    }
    await readFully(this.#file, bytes, this.#start + data_offsets[0], this.#path);
    const tensor = tensorOf(dtype, shape, bytes);
    return isBfloat16 ? fromBfloat16(tensor) : tensor;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #entry(name: string): Entry {
    const entry = this.#entries.get(name);
    if (!entry) throw new TensorFileError(`${this.#path} has no tensor '${name}': it has ${this.names.join(', ')}.`);
    return entry;
  }
}

function parsed(bytes: Uint8Array, bad: (what: string, cause?: unknown) => TensorFileError) {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    const twice = nameThatStandsTwice(text);
    if (twice !== null) throw new SyntaxError(`the name ${twice} stands twice`);
    const { [METADATA]: metadata = {}, ...rest } = objectSchema.parse(JSON.parse(text));
    const entries = Object.entries(rest).map(([name, entry]) => [name, entrySchema.parse(entry)] as const);
    return { entries: new Map(entries), metadata: metadataSchema.parse(metadata) };
  } catch (error) {
    throw bad('its header says no tensors', error);
  }
}

function isPlainHeader(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

type Offsets = Entry['data_offsets'];

function order([start, end]: Offsets, [otherStart, otherEnd]: Offsets): number {
  return start - otherStart || end - otherEnd;
}

/** A bfloat16 is the upper half of a float32. */
function fromBfloat16({ raw, dims }: AnyTensor): Returned {
  const bits = Uint32Array.from(raw as Uint16Array, (half) => half << 16);
  return Tensor.from(new Float32Array(bits.buffer), 'float32', dims);
}
