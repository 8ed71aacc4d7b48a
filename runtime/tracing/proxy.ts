import { TraceError } from '../errors.ts';
import { formatType } from '../graph/graph.ts';
import type { DType } from '../graph/types.ts';
import { isOwnInstance, ownProxy } from '../own-proxies.ts';
import { isSliceString } from '../tensor/slices.ts';
import type { Builder } from './builder.ts';
import { callerSite } from './caller.ts';
import { inner } from './hidden.ts';
import { missingMember } from './missing-member.ts';
import { noValue } from './no-value.ts';
import type { Storage } from './storage.ts';
import { TracedTensor, type View } from './traced-tensor.ts';

/** Reads and writes by index, given by the operators: the class itself knows no operations. */
export interface Indexing {
  getitem(self: TensorProxy, key: unknown): unknown;
  setitem(self: TensorProxy, key: unknown, value: unknown): void;
  iterate(self: TensorProxy): Iterator<unknown>;
}

/** Stands for a traced tensor, as users hold it: with the members and methods of a tensor, and no others. */
export class TensorProxy {
  static indexing: Indexing;
  readonly [inner]: TracedTensor;

  constructor(tensor: TracedTensor) {
    this[inner] = tensor;
    // biome-ignore lint/correctness/noConstructorReturn: `h[0]` and `h[':, -1']` are caught by an ES proxy around the object.
    return ownProxy(this, handler);
  }

  static [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: classes that extend it have it, too.
    return isOwnInstance(this, value);
  }

  get dtype(): DType {
    return this[inner].type.dtype;
  }

  toString(): string {
    const tensor = this[inner];
    return tensor.builder.open
      ? `traced ${formatType(tensor.type)}`
      : 'a value of a trace that has ended (it has no elements, as save() did not bring them back)';
  }

  /** Always an error: a text for readers is no tool's, which asks for `toString`. */
  toLocaleString(): never {
    throw this[inner].ended() ?? noValue('string', null, callerSite() ?? this[inner].builder.site);
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }

  [Symbol.iterator](): Iterator<unknown> {
    return TensorProxy.indexing.iterate(this);
  }

  /** Always an error: JavaScript needs a text or a number now, and there is none before the run. */
  [Symbol.toPrimitive](hint: string): never {
    throw this[inner].ended() ?? noValue(hint, this[inner].builder.native, callerSite() ?? this[inner].builder.site);
  }

  toJSON(): never {
    throw this[inner].ended() ?? noValue('JSON', null, callerSite() ?? this[inner].builder.site);
  }
}

/** A tensor with a storage of its own. */
export function owning(builder: Builder, storage: Storage): TensorProxy {
  return new TensorProxy(new TracedTensor(builder, storage, null));
}

/** A tensor that is a view of another one. */
export function viewing(builder: Builder, view: View): TensorProxy {
  return new TensorProxy(new TracedTensor(builder, null, view));
}

/** What JavaScript finds above a number or truth value, which a tensor without dimensions is to it. */
function ofMaker(target: TensorProxy, key: 'constructor' | '__proto__'): unknown {
  const { builder, isMixed, type } = target[inner];
  if (!builder.open || isMixed || type.shape?.length !== 0) return Reflect.get(target, key);
  const made = type.dtype === 'bool' ? Boolean : Number;
  return key === 'constructor' ? made : made.prototype;
}

const handler: ProxyHandler<TensorProxy> = {
  get(target, key, receiver) {
    if (key === 'constructor' || key === '__proto__') return ofMaker(target, key);
    if (typeof key === 'symbol' || key in target) return Reflect.get(target, key, receiver);
    return isSliceString(key) ? TensorProxy.indexing.getitem(receiver, key) : missingMember(target, key);
  },
  deleteProperty(_, key) {
    throw new TraceError(
      `'${String(key)}' of a traced tensor cannot be deleted. To leave elements out take a slice, or cat() the rest.`,
      callerSite(),
    );
  },
  ownKeys() {
    throw new TraceError(
      'The keys of a traced tensor are asked for (Object.keys, {...tensor}, Object.assign), and it has none. Its elements are read by index, its rows with for…of.',
      callerSite(),
    );
  },
  set(target, key, value, receiver) {
    if (typeof key === 'string' && isSliceString(key)) {
      TensorProxy.indexing.setitem(receiver, key, value);
      return true;
    }
    if (key in target) return Reflect.set(target, key, value, target);
    throw new TraceError(
      `A traced tensor has no property '${String(key)}' that could be set. To change elements write h[':, -1'] = value.`,
      callerSite(),
    );
  },
};
