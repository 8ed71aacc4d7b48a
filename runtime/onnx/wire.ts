import { readSync } from 'node:fs';

/** The wire types of protobuf that a file may hold (groups, 3 and 4, are long gone). */
export const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** One field of a message: where it stands in the file, and where its payload does. */
export interface Field {
  readonly number: number;
  readonly wire: number;
  /** Offset of the tag. */
  readonly start: number;
  /** Offset of the payload: behind the tag, and behind the length where there is one. */
  readonly payload: number;
  /** Offset behind the payload. */
  readonly end: number;
}

/** The bytes are not protobuf; `truncated` where a field runs past the end of the file. */
export class WireError extends Error {
  readonly truncated: boolean;

  constructor(message: string, truncated = false) {
    super(message);
    this.truncated = truncated;
  }
}

const WINDOW = 1 << 16;

/** Reads protobuf out of an open file by positioned reads through one small window, so a file's size does not matter. */
export class WireReader {
  readonly #descriptor: number;
  readonly size: number;
  readonly #window = Buffer.alloc(WINDOW);
  #start = 0;
  #length = 0;

  constructor(descriptor: number, size: number) {
    this.#descriptor = descriptor;
    this.size = size;
  }

  /** The bytes from `start` to `end`, copied. */
  bytes(start: number, end: number): Uint8Array {
    const bytes = Buffer.alloc(end - start);
    if (start >= this.#start && end <= this.#start + this.#length) {
      this.#window.copy(bytes, 0, start - this.#start, end - this.#start);
      return bytes;
    }
    if (this.#fill(bytes, start) < bytes.length) throw new WireError('the file ends early', true);
    return bytes;
  }

  /** The fields of the message that stands from `start` to `end`. */
  *fields(start: number, end: number): Generator<Field> {
    let at = start;
    while (at < end) {
      const field = this.#field(at);
      if (field.end > end)
        throw new WireError(`a field at byte ${at} is longer than the message around it`, field.end > this.size);
      yield field;
      at = field.end;
    }
  }

  /** The number in a varint field. */
  number(field: Field): number {
    return this.#varint(field.payload).value;
  }

  /** The text in a bytes field. */
  text(field: Field): string {
    return new TextDecoder().decode(this.bytes(field.payload, field.end));
  }

  #field(start: number): Field {
    const tag = this.#varint(start);
    const number = Math.floor(tag.value / 8);
    const wire = tag.value % 8;
    if (number < 1) throw new WireError(`no field at byte ${start}`);
    if (wire === WIRE.varint) return { number, wire, start, payload: tag.end, end: this.#varint(tag.end).end };
    if (wire === WIRE.fixed64) return { number, wire, start, payload: tag.end, end: tag.end + 8 };
    if (wire === WIRE.fixed32) return { number, wire, start, payload: tag.end, end: tag.end + 4 };
    if (wire !== WIRE.bytes) throw new WireError(`no field at byte ${start}`);
    const length = this.#varint(tag.end);
    return { number, wire, start, payload: length.end, end: length.end + length.value };
  }

  /** A varint and the offset behind it; values above 2^53 (a negative int64) lose their low bits, which nothing here reads. */
  #varint(start: number): { value: number; end: number } {
    let value = 0;
    for (let i = 0; i < 10; i++) {
      const byte = this.#byte(start + i);
      value += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) return { value, end: start + i + 1 };
    }
    throw new WireError(`no number at byte ${start}`);
  }

  #byte(at: number): number {
    if (at < this.#start || at >= this.#start + this.#length) {
      this.#start = at;
      this.#length = this.#fill(this.#window, at);
      if (this.#length === 0) throw new WireError('the file ends early', true);
    }
    return this.#window[at - this.#start]!;
  }

  #fill(target: Uint8Array, start: number): number {
    let done = 0;
    while (done < target.length) {
      const count = readSync(this.#descriptor, target, done, target.length - done, start + done);
      if (count === 0) break;
      done += count;
    }
    return done;
  }
}

/** A varint, written. */
function varint(value: number): number[] {
  const bytes: number[] = [];
  while (value >= 0x80) {
    bytes.push((value % 0x80) + 0x80);
    value = Math.floor(value / 0x80);
  }
  bytes.push(value);
  return bytes;
}

/** A varint field, written. */
export function numberField(number: number, value: number): Uint8Array {
  return Uint8Array.from([...varint(number * 8 + WIRE.varint), ...varint(value)]);
}

/** A bytes field (a string, a message) made of `parts`, written. */
export function bytesField(number: number, parts: readonly Uint8Array[]): Uint8Array[] {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return [Uint8Array.from([...varint(number * 8 + WIRE.bytes), ...varint(length)]), ...parts];
}
