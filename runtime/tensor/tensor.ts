import type { DType } from '../graph/types.ts';
import { isOwnInstance, ownProxy } from '../own-proxies.ts';
import type { AtIndex, Slice } from './at-index.ts';
import { halfElements } from './halves.ts';
import { selectLists } from './list-selection.ts';
import { flattenNested, type NestedArray, type OrtTensor } from './nested.ts';
import { alsoOfParameters } from './of-parameters.ts';
import { tensorPicture } from './picture.ts';
import { printTensor } from './print.ts';
import { selectedPositions, selectItems } from './selection.ts';
import { isSliceString, parseSlices, type SliceItem } from './slices.ts';
import {
  allocate,
  bitsOfHalves,
  type Data,
  type DataOf,
  decode,
  encode,
  isRawOf,
  type RawOf,
  type TypedArray,
} from './storage.ts';

/** A tensor of any dtype, where its `data` is a union of typed arrays. */
export type AnyTensor = Tensor<DType>;

/**
 * A tensor that is given: by a run, from a file. To the type checker it is a number, too, so that it can stand beside an
 * operator in compiled code. Where code is not compiled an operator on it is an error when it runs, except on a tensor of
 * one element, which is the number.
 */
export type Returned<D extends DType = 'float32'> = number & Tensor<D>;

/** What `Tensor.from` takes. */
export type TensorData = number | bigint | boolean | NestedArray | TypedArray | AnyTensor | OrtTensor;

/** What an index gives: `tensor[at](':, -1')`. */
export const at = Symbol('at');

/** Catches `t[0]` and `t[':, -1']` by a proxy around the object. Classes that extend it have their private fields on the proxy. */
abstract class Indexed {
  readonly dtype: DType;
  readonly dims: readonly number[];
  readonly raw: RawOf<DType>;

  /** Sets what every tensor has: through the proxy it would take several times as long. */
  constructor(dtype: DType, dims: readonly number[], raw: RawOf<DType>) {
    this.dtype = dtype;
    // A program that changed the list would have a tensor of other sizes than its elements have.
    this.dims = Object.freeze([...dims]);
    this.raw = raw;
    if (dtype === 'float16') Object.defineProperties(this, halfElements(raw as RawOf<'float16'>));
    // biome-ignore lint/correctness/noConstructorReturn: no other object can be asked for any index.
    return ownProxy(this, indexing);
  }

  static [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: classes that extend it have it, too.
    return isOwnInstance(this, value);
  }
}

/**
 * A tensor with its elements: traces return them and take them as inputs. It has PyTorch's methods, which compute at once.
 *
 * The type of `data` is `Float32Array` unless the dtype is known to the compiler: `tensor.to('int32').data` is an
 * `Int32Array`. Indexing follows numpy and copies: `t[0]`, `t[-1]`, `t[':, -1']`, `t['..., 3:5']`.
 */
export class Tensor<D extends DType = 'float32'> extends Indexed {
  declare readonly dtype: DType;
  declare readonly dims: readonly number[];
  /** The elements as the engine holds them: halves as 16 bits, bools as bytes. */
  declare readonly raw: RawOf<D>;
  readonly [index: number]: AtIndex<Returned<D>>;
  readonly [slice: Slice]: AtIndex<Returned<D>>;

  /** `raw` holds the elements row by row and is not copied. */
  constructor(dtype: D, dims: readonly number[], raw: RawOf<D>, ...more: readonly never[]) {
    if (more.length > 0) throw new TypeError('new Tensor(dtype, dims, raw) takes no more than that');
    const held = (dtype === 'float16' ? bitsOfHalves(raw) : raw) as RawOf<D>;
    if (!isRawOf(held, dtype)) throw new TypeError(`the elements of a ${dtype} tensor are not a ${typeName(raw)}`);
    const size = countElements(dims);
    if (held.length !== size) {
      throw new RangeError(`dims [${dims.join(', ')}] need ${size} elements, but ${held.length} are given`);
    }
    super(dtype, dims, held);
  }

  /**
   * Makes a tensor out of a number, nested arrays, a typed array or another tensor, of ONNX Runtime, too. Without `dtype`, whole numbers are
   * int64, other numbers float32, booleans bool, and typed arrays keep theirs. `dims` reshapes it.
   * Throws a `TypeError` for ragged arrays and entries that are not numbers, a `RangeError` if `dims` does not fit.
   */
  static from<D extends DType = 'float32'>(
    data: TensorData,
    dtype?: D,
    dims?: readonly number[],
    ...more: readonly never[]
  ): Returned<D> {
    if (more.length > 0) throw new TypeError('Tensor.from(data, dtype, dims) takes no more than that');
    const flat = flattenNested(data);
    const target = (dtype ?? flat.dtype) as D;
    return new Tensor(target, dims ?? flat.dims, encode(flat.values, target)) as Returned<D>;
  }

  /** The elements, row by row; halves as numbers, in a Float32Array. */
  get data(): DataOf<D> {
    return this.raw as unknown as DataOf<D>;
  }

  /** The dimensions, by PyTorch's name. */
  get shape(): readonly number[] {
    return this.dims;
  }

  /** The number of dimensions. */
  get ndim(): number {
    return this.dims.length;
  }

  /** The one element of a tensor that has only one. */
  item(): D extends 'bool' ? boolean : number {
    if (this.raw.length !== 1)
      throw new RangeError(`a Tensor with ${this.raw.length} elements cannot be converted to a number`);
    return element(kept(this), 0, this.dtype) as D extends 'bool' ? boolean : number;
  }

  /**
   * Nested arrays of numbers, or of booleans for a bool tensor; a tensor without dimensions gives its one element.
   * Integers beyond 2^53 stay bigints.
   */
  toArray(): unknown {
    // Read once: every access to a member goes through the proxy.
    const { dims, dtype } = this;
    const data = kept(this);
    const rows = (dim: number, offset: number, span: number): unknown => {
      const length = dims[dim];
      if (length === undefined) return element(data, offset, dtype);
      const step = length === 0 ? 0 : span / length;
      return Array.from({ length }, (_, i) => rows(dim + 1, offset + i * step, step));
    };
    return rows(0, 0, data.length);
  }

  /** The same elements as another dtype, or that of another tensor; fractions are cut off for integers. */
  to<T extends DType>(dtype: T | Tensor<T>): Tensor<T> {
    return alsoOfParameters(this, Tensor.from(this, dtype instanceof Tensor ? (dtype.dtype as T) : dtype));
  }

  /** The same elements with other dimensions, given one by one or as an array; one of them may be -1: what is left. */
  reshape(...sizes: readonly number[] | readonly [readonly number[]]): Tensor<D> {
    const isList = sizes.some(Array.isArray);
    if (isList && sizes.length > 1) throw new TypeError('sizes are given one by one or as one array, not both');
    const given = (isList ? sizes[0] : sizes) as readonly number[];
    const known = given.filter((size) => size !== -1).reduce((product, size) => product * size, 1);
    const left = known > 0 && given.filter((size) => size === -1).length === 1 ? this.raw.length / known : -1;
    const dims = given.map((size) => (size === -1 && Number.isInteger(left) ? left : size));
    return alsoOfParameters(this, new Tensor(this.dtype as D, dims, this.raw));
  }

  /** What `this[key]` is, where the key is an index. */
  [at](key: string): unknown {
    return alsoOfParameters(this, index(this, key));
  }

  /** The rows along dimension 0. */
  *[Symbol.iterator](): IterableIterator<Tensor<D>> {
    if (this.ndim === 0) throw new TypeError('iteration over a 0-d tensor');
    for (let i = 0; i < (this.dims[0] ?? 0); i++) yield this[i];
  }

  override toString(): string {
    return printTensor(kept(this), this.dims, this.dtype);
  }

  toJSON(): unknown {
    return { dtype: this.dtype, dims: this.dims, data: this.reshape(this.raw.length).toArray() };
  }

  /** A tensor of one element is a number in JavaScript's arithmetic; a larger one is an error. */
  [Symbol.toPrimitive](hint: string): string | number | boolean {
    if (hint === 'string') return this.toString();
    if (this.raw.length === 1) return this.item();
    throw new TypeError(
      `a Tensor with ${this.raw.length} elements is not a number: write sub(a, b) or a.sub(b), or put the code into a function with 'use trace'. Its text is String(a)`,
    );
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }

  /** What a notebook shows. */
  [Symbol.for('Jupyter.display')](): Readonly<Record<string, string>> {
    return { 'text/plain': this.toString(), 'text/html': tensorPicture(kept(this), this.dims, this.dtype) };
  }
}

/** Members that are what a tensor is. */
const FIXED: ReadonlySet<PropertyKey> = new Set(['dtype', 'dims', 'shape', 'ndim', 'raw', 'data']);

/** What a tensor is asked for goes through here. */
export const indexing = {
  get(target: Indexed, key: string | symbol, receiver: object): unknown {
    if (typeof key === 'string' && !(key in target)) {
      if (key.startsWith('tensor(')) {
        throw new TypeError(
          'JavaScript makes a text of a tensor that stands in brackets: write indexSelect(t, dim, indices) or maskedSelect(t, mask)',
        );
      }
      if (isSliceString(key)) return (receiver as AnyTensor)[at](key);
    }
    return Reflect.get(target, key, receiver);
  },
  set(target: Indexed, key: string | symbol, value: unknown, receiver: object): boolean {
    if (typeof key === 'string' && !(key in target) && isSliceString(key)) {
      throw new TypeError(`a tensor outside of a trace cannot be assigned to by index [${key}]: change its data`);
    }
    if (FIXED.has(key)) {
      throw new TypeError(`the ${String(key)} of a tensor cannot be assigned: change its data`);
    }
    return Reflect.set(target, key, value, receiver);
  },
};

function index(tensor: Indexed, key: string): Tensor<DType> {
  const items = parseSlices(key);
  const { dims, positions } = select(tensor.dims, items);
  const source = tensor.raw;
  const raw = allocate(tensor.dtype, positions.length);
  for (let i = 0; i < positions.length; i++) raw[i] = source[positions[i] ?? 0] ?? 0;
  return new Tensor(tensor.dtype, dims, raw);
}

function select(of: readonly number[], items: readonly SliceItem[]) {
  const basic = items.filter((item) => item.kind !== 'list');
  if (basic.length < items.length) return selectLists(of, items);
  const selection = selectItems(of, basic);
  return { dims: selection.dims, positions: selectedPositions(selection) };
}

/** The elements as the tensor keeps them: a number that a program has written is the nearest half. */
function kept({ raw, dtype }: Tensor<DType>): Data {
  return decode(raw, dtype);
}

function element(data: Data, index: number, dtype: DType): number | bigint | boolean {
  const value = data[index] ?? 0;
  if (dtype === 'bool') return Boolean(value);
  return typeof value === 'bigint' && Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

function countElements(dims: readonly number[]): number {
  for (const dim of dims) {
    if (!Number.isInteger(dim) || dim < 0)
      throw new RangeError(`dims [${dims.join(', ')}] are not sizes of dimensions`);
  }
  return dims.reduce((product, size) => product * size, 1);
}

function typeName(value: unknown): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}
