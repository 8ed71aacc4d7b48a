import { TraceError } from '../errors.ts';
import { ownProxy, standsBehind } from '../own-proxies.ts';
import { StringTensor } from '../tensor/string-tensor.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { callerSite } from './caller.ts';
import { doubt } from './doubtful.ts';
import { saving } from './hidden.ts';

/** A saved tensor, as far as it matters here: what it is after the run. */
interface SavedPart {
  readonly [saving]: { readonly result: { readonly value: unknown } | null };
}

/** How a tensor of texts is made of tensors of numbers. */
export interface TextSource {
  /** What the user calls it. */
  readonly name: string;
  /** Saves the numbers that it is made of. */
  readonly parts: () => readonly SavedPart[];
  /** The texts, of those numbers. */
  readonly make: (parts: readonly Tensor[]) => StringTensor;
}

/** A tensor of texts in a block: it can be saved, and nothing else, as a graph computes with numbers. */
class TracedTexts {
  readonly source: TextSource;

  constructor(source: TextSource) {
    this.source = source;
  }
}

/** Texts that come back from the run: a `StringTensor` then. */
export class SavedTexts {
  private readonly source: TextSource;
  private readonly parts: readonly SavedPart[];
  private made: StringTensor | null = null;

  constructor(source: TextSource) {
    this.source = source;
    this.parts = source.parts();
  }

  /** Undefined where the code that saved them did not run. Throws a TraceError before the run. */
  get tensor(): StringTensor | undefined {
    if (this.made) return this.made;
    const results = this.parts.map((part) => part[saving].result);
    if (results.includes(null)) throw unusable(this.source.name);
    const tensors = results.flatMap((result) => (result?.value ? [result.value as Tensor] : []));
    if (tensors.length < this.parts.length) return undefined;
    this.made = this.source.make(tensors);
    return this.made;
  }
}

export function tracedTexts(source: TextSource): object {
  const texts = new TracedTexts(source);
  const refuse = () => {
    throw unusable(source.name);
  };
  const proxy = ownProxy(texts, refusing(refuse), texts);
  doubt(proxy, { ask: refuse, isThere: refuse });
  return proxy;
}

/** Whether a value stands for texts of a block. */
export function isTracedTexts(value: unknown): boolean {
  return standsBehind(value) instanceof TracedTexts;
}

/** The save of texts of a block; null for other values. */
export function saveTexts(value: unknown): object | null {
  const behind = standsBehind(value);
  if (behind instanceof SavedTexts) return value as object;
  if (!(behind instanceof TracedTexts)) return null;
  const saved = new SavedTexts(behind.source);
  return ownProxy(saved, readable(saved), saved);
}

/** The save behind a value; null for other values. */
export function savedTexts(value: unknown): SavedTexts | null {
  const behind = standsBehind(value);
  return behind instanceof SavedTexts ? behind : null;
}

/** Everything that code does to texts of a block is an error. */
function refusing(refuse: () => never): ProxyHandler<TracedTexts> {
  return {
    get(_, key) {
      // Who prints it, or gives it to await, asks for these.
      if (key === 'then' || (typeof key === 'symbol' && key !== Symbol.toPrimitive && key !== Symbol.iterator))
        return undefined;
      return refuse();
    },
    set: refuse,
    has: refuse,
    deleteProperty: refuse,
    ownKeys: refuse,
  };
}

/** After the run a save answers as the texts that it has become. */
function readable(saved: SavedTexts): ProxyHandler<SavedTexts> {
  return {
    get(_, key) {
      if (key === 'then') return undefined;
      // Libraries ask any object for symbols.
      if (typeof key === 'symbol' && !(key in StringTensor.prototype)) return undefined;
      const { tensor } = saved;
      const member = tensor && Reflect.get(tensor, key, tensor);
      return typeof member === 'function' ? member.bind(tensor) : member;
    },
    getPrototypeOf: () => StringTensor.prototype,
  };
}

function unusable(name: string): TraceError {
  return new TraceError(
    `${name} is a tensor of texts, which can be saved and nothing else, as a graph computes with numbers: use what comes back of save(), or the numbers that the texts are made of.`,
    callerSite(),
  );
}
