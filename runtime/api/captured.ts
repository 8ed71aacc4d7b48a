import { types } from 'node:util';
import { isOfChance } from '../operators/asked-objects.ts';
import { guardsOf, isBlockSite } from '../operators/blocks.ts';
import { isIntrinsic } from '../operators/intrinsics.ts';
import { isOwnProxy } from '../own-proxies.ts';
import { isOfParameters } from '../tensor/of-parameters.ts';
import { Parameter } from '../tensor/parameter.ts';
import { Tensor } from '../tensor/tensor.ts';
import { isOurs } from '../tracing/harmless.ts';
import { isModule } from '../tracing/model.ts';
import { isPlainObject } from '../tracing/plain-object.ts';
import { TensorProxy } from '../tracing/proxy.ts';

/*
 * What a block takes from around it, as a list: each value, behind an array or an object all that it holds, and behind a
 * function what it takes in turn. Where two such lists fit, the block does the same. Tensors are data of the run: of them
 * it only matters which type they have, and which of them are the same one.
 */

/** With more values it would take longer to compare them than to record. */
const MOST_VALUES = 256;

/** How deep arrays and objects are followed. */
const MOST_DEPTH = 6;

/** The members that every function has. */
const OF_FUNCTIONS: ReadonlySet<PropertyKey> = new Set(['length', 'name', 'prototype', 'arguments', 'caller']);

/** What stands for a value. */
export type Guard =
  | { readonly kind: 'value'; readonly value: unknown }
  /**
   * @property first the position of the first of the values that is the same one
   * @property isTrained whether it is a parameter
   */
  | {
      readonly kind: 'tensor';
      readonly dtype: string;
      readonly dims: readonly number[];
      readonly isTrained: boolean;
      readonly first: number;
    }
  /** Behind it stands what it holds. */
  | { readonly kind: 'holder'; readonly of: Holder; readonly first: number };

type Holder = 'array' | 'object' | 'function';

/** The values; null where a name has none yet, or where there are too many. */
export function captured(read: () => readonly unknown[]): readonly unknown[] | null {
  const all: unknown[] = [];
  const seen = new Set<unknown>();
  const add = (value: unknown, depth: number): boolean => {
    if (all.push(value) > MOST_VALUES) return false;
    const holder = holderOf(value);
    if (!holder || seen.has(value)) return true;
    seen.add(value);
    return depth < MOST_DEPTH && heldBy(value as object, holder).every((held) => add(held, depth + 1));
  };
  try {
    return read().every((value) => add(value, 0)) ? all : null;
  } catch {
    return null;
  }
}

/** Null if one of the values is more than a plain value, a module, a function of this library, a tensor, or what holds such. */
export function guardsFor(values: readonly unknown[]): readonly Guard[] | null {
  const guards: Guard[] = [];
  for (const value of values) {
    const guard = guardFor(value, values);
    if (!guard) return null;
    guards.push(guard);
  }
  return guards;
}

function guardFor(value: unknown, values: readonly unknown[]): Guard | null {
  if (isOfChance(value)) return null;
  if (Object(value) !== value || isFixed(value as object)) return { kind: 'value', value };
  const first = values.indexOf(value);
  if (isData(value)) {
    return { kind: 'tensor', dtype: value.dtype, dims: value.dims, isTrained: value instanceof Parameter, first };
  }
  const of = holderOf(value);
  return of && { kind: 'holder', of, first };
}

/** Whether guards hold for other values. */
export function fits(guards: readonly Guard[], values: readonly unknown[]): boolean {
  return guards.length === values.length && guards.every((guard, i) => fitsOne(guard, values[i], values));
}

function fitsOne(guard: Guard, value: unknown, values: readonly unknown[]): boolean {
  switch (guard.kind) {
    case 'value':
      return Object.is(guard.value, value);
    case 'tensor': {
      if (!isData(value) || value.dtype !== guard.dtype || values.indexOf(value) !== guard.first) return false;
      if (value instanceof Parameter !== guard.isTrained) return false;
      const { dims } = value;
      return dims.length === guard.dims.length && dims.every((dim, i) => dim === guard.dims[i]);
    }
    case 'holder':
      return holderOf(value) === guard.of && values.indexOf(value) === guard.first;
  }
}

/** Whether a value is a tensor whose elements the graph does not depend on: whole numbers may be sizes and positions. */
export function isData(value: unknown): value is Tensor {
  if (!(value instanceof Tensor) || value instanceof TensorProxy) return false;
  // What was taken of a parameter outside of a block has no gradient there, and a block says so that has a backward pass.
  const isPart = isOfParameters(value) && !(value instanceof Parameter);
  return value.dtype.startsWith('float') && !isPart;
}

/** What is the same as long as it is the same one. */
function isFixed(value: object): boolean {
  return isModule(value) || isOurs(value) || isIntrinsic(value) || isBlockSite(value);
}

/** How a value holds others; null for one that does not, or of which that cannot be told. */
function holderOf(value: unknown): Holder | null {
  if (Object(value) !== value || isOwnProxy(value) || isFixed(value as object) || types.isProxy(value)) return null;
  if (typeof value === 'function') return guardsOf(value) && 'function';
  if (Array.isArray(value)) return Object.getPrototypeOf(value) === Array.prototype ? 'array' : null;
  return isPlainObject(value) ? 'object' : null;
}

/** All that a value holds. Throws for what holds more than entries as literals make them. */
function heldBy(value: object, holder: Holder): readonly unknown[] {
  const keys = Reflect.ownKeys(value);
  if (holder === 'function') {
    if (!keys.every((key) => OF_FUNCTIONS.has(key))) throw new TypeError('a function with members');
    const { site, read } = guardsOf(value)!;
    return [site, ...read()];
  }
  const isFrozen = Object.isFrozen(value);
  if (Object.isExtensible(value) === isFrozen) throw new TypeError('neither frozen nor plain');
  const held = keys.map((key) => {
    const { value: own, enumerable, writable, configurable, get, set } = Object.getOwnPropertyDescriptor(value, key)!;
    const isLength = holder === 'array' && key === 'length';
    const isPlain = !get && !set && enumerable !== isLength && writable !== isFrozen;
    if (!isPlain || (!isLength && configurable === isFrozen)) throw new TypeError('no plain entry');
    return own as unknown;
  });
  if (holder === 'object') return [isFrozen, Object.getPrototypeOf(value) === null, keys.length, ...keys, ...held];
  // The last key of one without other members is its length.
  const length = keys.at(-1) === 'length' ? held.pop() : null;
  if (held.length !== length) throw new TypeError('holes, or members');
  return [isFrozen, length, ...held];
}
