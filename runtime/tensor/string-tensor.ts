import { MOST_DIMS } from './nested.ts';
import type { Tensor } from './tensor.ts';

/** Texts in arrays of arrays, all of one length at each depth. */
export type NestedStrings = string | readonly NestedStrings[];

/**
 * An ONNX tensor of strings: what some models take as an input or give as an output (the labels of a classifier). In a
 * block it can be saved, and nothing can be computed of it.
 */
export class StringTensor {
  readonly dtype = 'string';
  readonly dims: readonly number[];
  /** The elements, row by row. */
  readonly raw: readonly string[];

  constructor(dims: readonly number[], raw: readonly string[]) {
    this.dims = dims;
    this.raw = raw;
  }

  /** The elements, as those of other tensors are called. */
  get data(): readonly string[] {
    return this.raw;
  }

  /** The one text of a tensor with one element. Throws a `RangeError` for others. */
  item(): string {
    if (this.raw.length !== 1) throw new RangeError(`a StringTensor with ${this.raw.length} elements is not one text`);
    return this.raw[0]!;
  }

  /** Nested arrays of texts; a tensor without dimensions gives its one text. */
  toArray(): NestedStrings {
    return this.dims.reduceRight<NestedStrings[]>((rows, size) => chunks(rows, size), [...this.raw])[0] ?? [];
  }

  toString(): string {
    return `StringTensor [${this.dims.join(', ')}] ${JSON.stringify(this.toArray())}`;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }

  /** Lays out a text, nested arrays of texts, or a tensor of strings. Throws a `TypeError` for anything else, and for ragged arrays. */
  static from(value: unknown): StringTensor {
    if (value instanceof StringTensor) return value;
    if (isOrtStrings(value)) return new StringTensor(value.dims, value.data);
    const raw: string[] = [];
    return new StringTensor(collect(value, raw, []), raw);
  }
}

/** An input as a model is fed it. */
export type InputTensor = Tensor | StringTensor;

/** The entries in rows of `size`. */
function chunks(entries: readonly NestedStrings[], size: number): NestedStrings[] {
  const count = size === 0 ? 0 : entries.length / size;
  return Array.from({ length: count }, (_, i) => entries.slice(i * size, (i + 1) * size));
}

/** A tensor of strings of ONNX Runtime. */
function isOrtStrings(value: unknown): value is { dims: readonly number[]; data: readonly string[] } {
  return Object(value) === value && (value as { type?: unknown }).type === 'string' && 'dims' in (value as object);
}

/** Puts the elements of nested arrays in order, and tells their dims. */
function collect(value: unknown, raw: string[], path: readonly number[]): readonly number[] {
  const place = path.map((index) => `[${index}]`).join('');
  if (path.length > MOST_DIMS) throw new TypeError(`the arrays are nested more than ${MOST_DIMS} deep`);
  if (!Array.isArray(value)) {
    if (typeof value !== 'string') {
      const what = value === null ? 'null' : typeof value;
      throw new TypeError(`a tensor of strings is made of texts, but there is ${what}${place && ` at ${place}`}`);
    }
    raw.push(value);
    return [];
  }
  const rows = Array.from(value, (row, i) => collect(row, raw, [...path, i]));
  const first = rows[0] ?? [];
  const ragged = rows.findIndex((dims) => dims.join() !== first.join());
  if (ragged >= 0) {
    throw new TypeError(`the arrays are ragged: ${place}[${ragged}] is not of the size of the entries before it`);
  }
  return [value.length, ...first];
}
