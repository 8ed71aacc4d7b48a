import type { Site } from '../graph/types.ts';
import { activeBuilder } from '../tracing/builder.ts';
import { GraphEntries } from '../tracing/lists.ts';
import type { Call } from './indirect-calls.ts';
import { isIntrinsic } from './intrinsics.ts';
import { checkKnown } from './known-functions.ts';
import { convertedBy } from './stored-arguments.ts';
import { checkElements, checkGetter, checkGetters, checkMethod, checkSetter, holderOf } from './user-objects.ts';

/*
 * Functions that JavaScript calls though no call stands in the source: getters and setters, conversions of objects,
 * iterators. In the body of a branch or loop those that were not compiled are refused, as calls of them are.
 */

/** A value is about to become a text or a number. */
export function checkConverted(value: unknown, site: Site | null, seen: Set<object> = new Set()): void {
  const holder = Object(value) === value ? holderOf(value, site) : null;
  if (!holder || seen.has(holder)) return;
  seen.add(holder);
  for (const key of [Symbol.toPrimitive, 'valueOf', 'toString']) {
    checkMethod(holder, key, site);
    const convert: unknown = Reflect.get(holder, key);
    if (convert === Array.prototype.toString) checkAllConverted(holder as readonly unknown[], site, seen);
    if (convert === Object.prototype.toString) checkGetter(holder, Symbol.toStringTag, site);
    if (typeof convert === 'function' && key === Symbol.toPrimitive) return;
  }
}

/** The name of a property that a value is: in a body an object is asked for it once. */
export function asName(key: unknown, site: Site | null): PropertyKey {
  if (Object(key) !== key || !activeBuilder()?.isRecording || !holderOf(key, site)) return key as PropertyKey;
  checkConverted(key, site);
  return Reflect.ownKeys({ [key as string]: 0 })[0]!;
}

/** The elements of a list are about to become texts or numbers. */
function checkAllConverted(list: unknown, site: Site | null, seen: Set<object> = new Set()): void {
  checkGetters(list, site);
  if (!Array.isArray(list)) return;
  for (let i = 0; i < list.length; i++) {
    const one: unknown = list[i];
    if (!(one instanceof GraphEntries)) checkConverted(one, site, seen);
  }
}

/** An object is about to be written out, or taken apart, with all that it holds. */
export function checkWritten(value: unknown, site: Site, seen: Set<object> = new Set()): void {
  const holder = Object(value) === value ? holderOf(value, site) : null;
  if (!holder || holder instanceof GraphEntries || seen.has(holder)) return;
  seen.add(holder);
  checkMethod(holder, 'toJSON', site);
  checkGetters(holder, site);
  if (ArrayBuffer.isView(holder)) return;
  for (const key of Object.keys(holder)) checkWritten(Reflect.get(holder, key), site, seen);
}

/** The operands of an operator of JavaScript. Whether two objects are one is asked without a conversion. */
export function checkOperands(operator: string, operands: readonly unknown[], site: Site): void {
  if (operator === '===' || operator === '!==' || operator === '!') return;
  if (operator === 'instanceof') {
    for (const one of operands) holderOf(one, site);
    checkMethod(operands[1], Symbol.hasInstance, site);
    return;
  }
  if (operator === 'in') holderOf(operands[1], site);
  const converted = operator === 'in' ? operands.slice(0, 1) : operands;
  const isCompared = operator === '==' || operator === '!=';
  if (isCompared && operands.every((one) => one === null || one === undefined || Object(one) === one)) return;
  if (isCompared && operands.some((one) => one === null || one === undefined)) return;
  for (const one of converted) checkConverted(one, site);
}

/** A value is about to be iterated over. */
export function checkIterated(value: unknown, site: Site | null): void {
  checkMethod(value, Symbol.iterator, site);
  if (Array.isArray(value)) checkElements(value, site);
}

const words = (text: string): ReadonlySet<string> => new Set(text.split(' '));

/** Functions of JavaScript that make texts or numbers of the elements of their receiver, or of a list. */
const OF_ELEMENTS = words('join toString toLocaleString sort toSorted set');
/** Those that iterate over their first argument. */
const ITERATING = words('from fromEntries groupBy');
/** Those that read all properties of their arguments. */
const OPENING = words('assign values entries create defineProperty defineProperties');
/** Those that write out all that there is. */
const WRITING = words('stringify structuredClone');
/** Those that make an object with the constructor of their receiver. */
const ALIKE = words('concat filter flat flatMap map slice splice subarray');
/** Methods of texts that a pattern may have its own way for. */
const BY_PATTERN: Readonly<Record<string, symbol>> = {
  split: Symbol.split,
  replace: Symbol.replace,
  replaceAll: Symbol.replace,
  match: Symbol.match,
  matchAll: Symbol.matchAll,
  search: Symbol.search,
};

/** The functions that a function of JavaScript is about to call. */
export function checkImplicitCalls(call: Call, site: Site): void {
  const { fn, receiver, values } = call;
  const { name } = fn as { name: string };
  const [object, key, , on] = values;
  for (const value of convertedBy(call)) checkConverted(value, site);
  const isList = Reflect.get(Array.prototype, name) === fn;
  if (isList || Array.isArray(receiver)) checkGetters(receiver, site);
  for (const value of [receiver, ...values]) holderOf(value, site);
  if (isList) for (const value of values) if (Array.isArray(value)) checkElements(value, site);
  const isStored = name === 'set' && !ArrayBuffer.isView(receiver);
  if (OF_ELEMENTS.has(name) && !isStored) {
    const isSorted = typeof object === 'function';
    if (!isSorted) for (const list of [receiver, ...values]) checkAllConverted(list, site);
  }
  if (ITERATING.has(name)) {
    checkIterated(object, site);
    checkGetters(object, site);
  }
  const isKeyed = receiver instanceof Map || receiver instanceof Set || Array.isArray(receiver);
  if (OPENING.has(name) && !isKeyed) for (const value of values) checkGetters(value, site);
  if (WRITING.has(name)) checkWritten(object, site);
  if (ALIKE.has(name)) checkSpecies(receiver, site);
  if (name === 'concat') for (const one of [receiver, ...values]) checkGetter(one, Symbol.isConcatSpreadable, site);
  if ((name === 'from' || name === 'of') && typeof receiver === 'function') checkClass(receiver, site);
  const pattern = BY_PATTERN[name];
  for (const one of [receiver, object]) {
    if (pattern) checkMethod(one, pattern, site);
    if (one instanceof RegExp) for (const part of ['exec', 'flags', 'global']) checkMethod(one, part, site);
  }
  if (fn === Object.prototype.toString) checkGetter(receiver, Symbol.toStringTag, site);
  if (fn === Reflect.get(Reflect, 'get')) checkGetter(object, key as PropertyKey, site);
  if (fn === Reflect.get(Reflect, 'set')) for (const one of [object, on]) checkSetter(one, key as PropertyKey, site);
  if (fn === Object.assign) {
    for (const one of values.slice(1)) for (const each of Reflect.ownKeys(Object(one))) checkSetter(object, each, site);
  }
}

/** The functions that the constructor of an object of JavaScript is about to call. */
export function checkImplicitCallsOfNew(type: object, values: readonly unknown[], site: Site): void {
  for (const value of values) {
    checkIterated(value, site);
    if (ArrayBuffer.isView(Object(value)) || !isTyped(type)) continue;
    checkAllConverted(value, site);
  }
  for (const value of convertedBy({ fn: type, receiver: undefined, values })) checkConverted(value, site);
}

function isTyped(type: object): boolean {
  return Object.getPrototypeOf(type) === Object.getPrototypeOf(Float32Array);
}

/** The class of which methods of an array make another one. */
function checkSpecies(receiver: unknown, site: Site): void {
  const isView = ArrayBuffer.isView(receiver);
  if (!Array.isArray(receiver) && !isView) return;
  checkGetter(receiver, 'constructor', site);
  const type: unknown = receiver.constructor;
  if (Object(type) !== type) return;
  checkGetter(type, Symbol.species, site);
  const species: unknown = Reflect.get(Object(type), Symbol.species);
  if (typeof species === 'function') checkClass(species, site);
}

/** A class is about to make an object: its constructor is called, and those above it. */
function checkClass(type: object, site: Site): void {
  for (let at: object | null = type; at !== null && at !== Function.prototype && !isIntrinsic(at); ) {
    checkKnown(at, site);
    at = Object.getPrototypeOf(at);
  }
}
