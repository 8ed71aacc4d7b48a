import * as z from 'zod';
import { DTYPES } from '../graph/dtypes.ts';
import type { DType } from '../graph/types.ts';
import { arrayOf, type Raw } from '../tensor/storage.ts';

/** The version of the format of frames; others are refused. */
export const FRAME_VERSION = 2;

/** The media type of a frame. */
export const FRAME_TYPE = 'application/vnd.onnsight.frame';

/** The media type of an answer that lies elsewhere: JSON with its `url`, on the same server. */
export const LINK_TYPE = 'application/vnd.onnsight.link+json';

/** The bytes that every frame begins with. */
const MAGIC = 'ONNSIGHT';

/** Where the header begins: behind the magic bytes, the version and the length of the header. */
const HEADER_AT = 16;

/** Tensors begin at multiples of the size of their largest elements, so that they are read without a copy. */
const ALIGNMENT = 8;

const partSchema = z.strictObject({ dtype: z.enum(DTYPES), dims: z.array(z.number().int().nonnegative()) });
const headerSchema: z.ZodType<FrameHeader> = z.strictObject({ json: z.unknown(), tensors: z.array(partSchema) });

/** What stands before the elements of the tensors: the JSON, and what the tensors are. */
export interface FrameHeader {
  readonly json: unknown;
  readonly tensors: readonly { readonly dtype: DType; readonly dims: readonly number[] }[];
}

/** A tensor of a frame: there may be thousands, of which few are ever used as tensors. */
export interface FramePart {
  readonly dtype: DType;
  readonly dims: readonly number[];
  readonly raw: Raw;
}

/** JSON, and the tensors that it names by their numbers. */
export interface Frame {
  readonly json: unknown;
  readonly tensors: readonly FramePart[];
}

/**
 * JSON and tensors as one piece of bytes. In order, all numbers little-endian:
 * - 8 bytes: `ONNSIGHT` in ASCII;
 * - uint32: the version of the format;
 * - uint32: the length of the header in bytes, a multiple of 8;
 * - the header in UTF-8, filled up with spaces: `{ "json": …, "tensors": [{ "dtype", "dims" }, …] }`;
 * - the elements of each tensor, row by row, filled up with zeros to a multiple of 8 bytes. A float16 is its 16 bits, a
 *   bool a byte, 0 or 1.
 */
export function frameToBytes({ json, tensors }: Frame): Uint8Array {
  return frameWith(frameHead(json, tensors), tensors);
}

/** What a frame has before the elements of its tensors: the same for all tensors of these types and sizes. */
export function frameHead(json: unknown, tensors: readonly Omit<FramePart, 'raw'>[]): Uint8Array {
  const header = Buffer.from(JSON.stringify({ json, tensors: tensors.map(({ dtype, dims }) => ({ dtype, dims })) }));
  const bytes = Buffer.alloc(HEADER_AT + aligned(header.byteLength), ' ');
  bytes.write(MAGIC, 'latin1');
  bytes.writeUInt32LE(FRAME_VERSION, 8);
  bytes.writeUInt32LE(bytes.byteLength - HEADER_AT, 12);
  bytes.set(header, HEADER_AT);
  return bytes;
}

/** A frame of what it has before the elements of its tensors, and these. */
export function frameWith(head: Uint8Array, tensors: readonly FramePart[]): Uint8Array {
  const size = tensors.reduce((sum, { raw }) => sum + aligned(raw.byteLength), head.byteLength);
  const bytes = new Uint8Array(size);
  bytes.set(head);
  let at = head.byteLength;
  for (const { raw } of tensors) {
    bytes.set(new Uint8Array(raw.buffer, raw.byteOffset, raw.byteLength), at);
    at += aligned(raw.byteLength);
  }
  return bytes;
}

/**
 * Reads a frame. Nothing in it is trusted: a RangeError says what is wrong.
 * @param readHeader what a header's text says
 */
export function frameFromBytes(given: Uint8Array, readHeader = frameHeader): Frame {
  // What was received may start anywhere in memory, and tensors do not.
  const { buffer, byteOffset, byteLength } = given.byteOffset % ALIGNMENT === 0 ? given : new Uint8Array(given);
  const bytes = Buffer.from(buffer, byteOffset, byteLength);
  if (bytes.toString('latin1', 0, 8) !== MAGIC || bytes.byteLength < HEADER_AT) {
    throw new RangeError(`its bytes do not begin with ${MAGIC}`);
  }
  const version = bytes.readUInt32LE(8);
  if (version !== FRAME_VERSION) {
    throw new RangeError(
      `its format has version ${version}, and this onnsight reads version ${FRAME_VERSION}: use the same version of onnsight on both sides`,
    );
  }
  const first = HEADER_AT + bytes.readUInt32LE(12);
  if (first > bytes.byteLength) throw new RangeError('it ends within its header');
  const { json, tensors } = readHeader(bytes.toString('utf8', HEADER_AT, first));
  let at = first;
  const read = tensors.map(({ dtype, dims }, i): FramePart => {
    const Elements = arrayOf(dtype) as Float32ArrayConstructor;
    const size = dims.reduce((a, b) => a * b, 1);
    if (at + size * Elements.BYTES_PER_ELEMENT > bytes.byteLength)
      throw new RangeError(`it ends within its tensor ${i}`);
    const raw = new Elements(bytes.buffer as ArrayBuffer, bytes.byteOffset + at, size);
    if (dtype === 'bool' && raw.some((element) => element > 1)) {
      throw new RangeError(`its tensor ${i} is bool, and has bytes other than 0 and 1`);
    }
    at += aligned(raw.byteLength);
    return { dtype, dims, raw };
  });
  if (at !== bytes.byteLength) throw new RangeError(`it has ${bytes.byteLength} bytes, and its header tells ${at}`);
  return { json, tensors: read };
}

/** Reads the header of a frame. Throws a RangeError if it is none. */
export function frameHeader(text: string): FrameHeader {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new RangeError('its header is not JSON', { cause });
  }
  const { success, data, error } = headerSchema.safeParse(json);
  if (!success) throw new RangeError(`its header is wrong: ${z.prettifyError(error)}`);
  return data;
}

function aligned(size: number): number {
  return Math.ceil(size / ALIGNMENT) * ALIGNMENT;
}
