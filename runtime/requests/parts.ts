/** The media type of several frames in one body: traces that are asked for together, and their answers. */
export const PARTS_TYPE = 'application/vnd.onnsight.parts';

/** The lengths before a part. */
const LENGTHS = 8;

/** How long the head of a part may be, in bytes. */
const LONGEST_HEAD = 2 ** 12;

/** A piece of bytes, and what it is: data that JSON can say. */
export interface Part {
  readonly head: unknown;
  readonly body: Uint8Array;
}

/** A part as bytes: the lengths of its head and of its body, each a little-endian uint32, the head in JSON, the body. */
export function partToBytes({ head, body }: Part): Uint8Array {
  const text = Buffer.from(JSON.stringify(head));
  const bytes = Buffer.allocUnsafe(LENGTHS + text.byteLength + body.byteLength);
  bytes.writeUInt32LE(text.byteLength, 0);
  bytes.writeUInt32LE(body.byteLength, 4);
  bytes.set(text, LENGTHS);
  bytes.set(body, LENGTHS + text.byteLength);
  return bytes;
}

/** Reads parts as they come. Nothing in them is trusted: a RangeError says what is wrong. */
export class PartReader {
  readonly #checkSize: (head: unknown, size: number) => void;
  #rest: Buffer = Buffer.alloc(0);
  /** What of the next part is known before all of it has come. */
  #next: { readonly head: unknown; readonly start: number; readonly end: number } | null = null;

  /** @param checkSize throws for a body that is not to be read */
  constructor(checkSize: (head: unknown, size: number) => void = () => {}) {
    this.#checkSize = checkSize;
  }

  /** The parts that are whole with these bytes. */
  *read(bytes: Uint8Array): Generator<Part> {
    const more = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#rest = this.#rest.byteLength === 0 ? more : Buffer.concat([this.#rest, more]);
    for (let next = this.#begin(); next && next.end <= this.#rest.byteLength; next = this.#begin()) {
      const body = this.#rest.subarray(next.start, next.end);
      this.#rest = this.#rest.subarray(next.end);
      this.#next = null;
      yield { head: next.head, body };
    }
  }

  /** Throws a RangeError if the last part is not whole. */
  end(): void {
    if (this.#rest.byteLength > 0) throw new RangeError('it ends within a part');
  }

  #begin() {
    if (this.#next || this.#rest.byteLength < LENGTHS) return this.#next;
    const length = this.#rest.readUInt32LE(0);
    const size = this.#rest.readUInt32LE(4);
    if (length > LONGEST_HEAD) throw new RangeError(`the head of a part has ${length} bytes`);
    const start = LENGTHS + length;
    if (this.#rest.byteLength < start) return null;
    const head = headOf(this.#rest.toString('utf8', LENGTHS, start));
    this.#checkSize(head, size);
    this.#next = { head, start, end: start + size };
    return this.#next;
  }
}

function headOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new RangeError('the head of a part is not JSON', { cause });
  }
}
