import { TraceError } from '../errors.ts';
import type { Site } from '../graph/types.ts';
import type { Builder } from '../tracing/builder.ts';
import { isCompiled, mayReturnOther } from './blocks.ts';
import { checkIterator, checkOwn, noteContent, noteEntry, noteProperty } from './effects.ts';
import { checkImplicitCalls, checkImplicitCallsOfNew } from './implicit-calls.ts';
import type { Call } from './indirect-calls.ts';
import { isIntrinsic } from './intrinsics.ts';
import { checkCalledBack, checkKnown, isReading } from './known-functions.ts';

const words = (text: string): ReadonlySet<string> => new Set(text.split(' '));

/** Those that store a function like any value, and do not call it. */
const KEEPING = words('push unshift add set has get delete includes indexOf lastIndexOf concat fill with of is');

/** Those whose result is a new object. */
const MAKING = words(
  'concat filter flat flatMap map slice splice toReversed toSorted toSpliced with entries keys values from of fromEntries create groupBy getOwnPropertyNames getOwnPropertySymbols getOwnPropertyDescriptor getOwnPropertyDescriptors ownKeys split match matchAll exec parse structuredClone subarray [Symbol.iterator] bind',
);

/** Those that change more of an object than its contents. */
const RESHAPING = words('freeze seal preventExtensions setPrototypeOf defineProperty defineProperties');
/** Those that change it so as their receiver. */
const RESHAPING_RECEIVER = words(
  '__defineGetter__ __defineSetter__ compile resize grow transfer transferToFixedLength',
);

/**
 * Before a call in the body of a branch or loop: notes what the function may change.
 * @throws TraceError for a function whose effects are not known
 */
export function beforeCall(target: Builder, direct: Call, site: Site): void {
  const { fn, receiver, values } = direct;
  // Before what is known of a function: a program may have put one of its own in the place of Math.random.
  if (isRandom(fn) && target.isLooping) throw random((fn as { name: string }).name, site);
  checkKnown(fn, site);
  if (!isIntrinsic(fn)) return;
  // Only now: the modules of a model are called, too, and any property of theirs may be a module of the model.
  const { name } = fn as { name: string };
  for (const value of [receiver, ...values]) checkIterator(target, value, site);
  checkImplicitCalls(direct, site);
  const keeps = KEEPING.has(name);
  if (!keeps) for (const value of values) if (typeof value === 'function') checkCalledBack(value, site);
  if (changedBy(direct).length === 0) return;
  const [first] = values;
  const isOfArrays = Reflect.get(Array.prototype, name) === fn;
  if (fn === Object.assign) {
    for (const key of values.slice(1).flatMap(copiedKeys)) noteProperty(target, first, key);
  } else if (fn === Reflect.set) noteProperty(target, values[3] ?? first, values[1] as PropertyKey);
  else if (RESHAPING.has(name)) checkOwn(target, `${name}()`, first, site);
  // What is no array gets properties from methods of arrays.
  else if (isOfArrays && !Array.isArray(receiver) && !ArrayBuffer.isView(receiver))
    checkOwn(target, `${name}()`, receiver, site);
  else if (RESHAPING_RECEIVER.has(name)) checkOwn(target, `${name}()`, receiver, site);
  else if (receiver instanceof WeakMap || receiver instanceof WeakSet) noteEntry(target, receiver, first);
  else if (receiver instanceof Map && name !== 'clear') noteEntry(target, receiver, first);
  else for (const value of changedBy(direct)) noteContent(target, value);
}

/** The keys that Object.assign copies of an object. */
function copiedKeys(source: unknown): PropertyKey[] {
  const from = Object(source) as object;
  return Reflect.ownKeys(from).filter((key) => Object.prototype.propertyIsEnumerable.call(from, key));
}

/** What a function of JavaScript may change. */
export function changedBy({ fn, receiver, values }: Call): readonly unknown[] {
  if (!isIntrinsic(fn)) return [];
  const { name } = fn as { name: string };
  if (isReading(fn)) return [];
  return KEEPING.has(name) && !isIntrinsic(Object(receiver)) ? [receiver] : [receiver, ...values];
}

/** After it: whether the result was made by the call. */
export function afterCall(target: Builder, fn: object, result: unknown): void {
  if (typeof result !== 'object' || result === null) return;
  if (Object.prototype.toString.call(fn) === '[object GeneratorFunction]') target.made(result);
  else if (isIntrinsic(fn)) {
    const { name } = fn as { name: string };
    if (MAKING.has(name)) made(target, result, name === 'parse' || name === 'structuredClone');
    if (MAKING.has(name) && name !== 'subarray' && ArrayBuffer.isView(result)) target.made(result.buffer);
  }
}

/** Before `new type(…values)`. */
export function beforeNew(target: Builder, type: object, values: readonly unknown[], site: Site): void {
  for (const one of classes(type)) checkKnown(one, site);
  if (!isIntrinsic(type)) return;
  if (type === Date && values.length === 0 && target.isLooping) throw random('Date', site);
  for (const value of values) checkIterator(target, value, site);
  checkImplicitCallsOfNew(type, values, site);
}

/** After it. */
export function afterNew(target: Builder, type: object, values: readonly unknown[], result: object): void {
  if (!classes(type).every(makesNew)) return;
  target.made(result);
  const isView = ArrayBuffer.isView(result) && !values.some((value) => value instanceof ArrayBuffer);
  if (isView) target.made(result.buffer);
}

/** A class with those that it extends. */
function classes(type: object): readonly object[] {
  const above: object | null = Object.getPrototypeOf(type);
  return above === null || above === Function.prototype ? [type] : [type, ...classes(above)];
}

/** Whether the constructor is known to give the object that `new` makes, and no other. */
function makesNew(type: object): boolean {
  if (isIntrinsic(type)) return type !== Object;
  const isClass = Object.getOwnPropertyDescriptor(type, 'prototype')?.writable === false;
  return isClass && isCompiled(type) && !mayReturnOther(type);
}

/** An object that was just made, and with `deep` all its contents. */
function made(target: Builder, object: object, deep: boolean): void {
  target.made(object);
  if (!deep) return;
  for (const value of Object.values(object)) if (typeof value === 'object' && value !== null) made(target, value, true);
}

function isRandom(fn: object): boolean {
  return fn === Math.random || fn === Date.now || fn === Date;
}

function random(name: string, site: Site): TraceError {
  return new TraceError(
    `${name}() is called in a loop over traced values, whose body is written once for all iterations: each would get the same. Use rand() of onnsight, or call it before the loop.`,
    site,
  );
}
