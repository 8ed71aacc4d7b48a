import { types } from 'node:util';
import { TraceError } from '../errors.ts';
import type { Site } from '../graph/types.ts';
import { isOwnProxy } from '../own-proxies.ts';
import { isModule } from '../tracing/model.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import { varyingOf } from '../tracing/varying.ts';
import { checkCalledBack, checkKnown } from './known-functions.ts';

/** The accessor by which `object[key]` is read and set; null if it is none. */
export function accessorOf(object: object, key: PropertyKey, site: Site | null): PropertyDescriptor | null {
  for (let at: object | null = object; at !== null; at = Object.getPrototypeOf(at)) {
    checkNoProxy(at, site);
    const found = Object.getOwnPropertyDescriptor(at, key);
    if (found) return 'value' in found ? null : found;
  }
  return null;
}

/** `object[key]` is about to be read. */
export function checkGetter(object: unknown, key: PropertyKey, site: Site | null): void {
  const holder = holderOf(object, site);
  const getter = holder && accessorOf(holder, key, site)?.get;
  if (getter && !givesName(getter)) checkCalledBack(getter, site);
}

/** `object[key]` is about to be set. */
export function checkSetter(object: unknown, key: PropertyKey, site: Site | null): void {
  const holder = holderOf(object, site);
  const setter = holder && accessorOf(holder, key, site)?.set;
  if (setter) checkCalledBack(setter, site);
}

/** `object[key]()` is about to be called: what is called is read first. */
export function checkMethod(object: unknown, key: PropertyKey, site: Site | null): void {
  const holder = holderOf(object, site);
  if (!holder) return;
  checkGetter(holder, key, site);
  const method: unknown = Reflect.get(holder, key);
  // Of a regular expression the caller notes what changes.
  if (typeof method === 'function') (holder instanceof RegExp ? checkKnown : checkCalledBack)(method, site);
}

/** The prototypes of an object: `super` means one of them. */
export function* above(object: unknown): Generator<object> {
  if (object === null || object === undefined) return;
  for (let at = Object.getPrototypeOf(Object(object)); at !== null; at = Object.getPrototypeOf(at)) yield at;
}

/** Several properties of an object are about to be read, by a pattern or a function: any of its getters may be called. */
export function checkGetters(object: unknown, site: Site | null): void {
  for (let at = holderOf(object, site); at !== null; at = Object.getPrototypeOf(at)) {
    checkNoProxy(at, site);
    if (Array.isArray(at)) checkElements(at, site);
    else if (!ArrayBuffer.isView(at)) checkOwnGetters(at, site);
  }
}

/** The elements of an array are about to be read. */
export function checkElements(array: readonly unknown[], site: Site | null): void {
  checkNoProxy(array, site);
  for (let i = 0; i < array.length; i++) {
    const getter = Object.getOwnPropertyDescriptor(array, i)?.get;
    if (getter) checkCalledBack(getter, site);
  }
}

function checkOwnGetters(object: object, site: Site | null): void {
  for (const { get } of Object.values(Object.getOwnPropertyDescriptors(object))) {
    if (get && !givesName(get)) checkCalledBack(get, site);
  }
}

/** An object that is the user's: varying values, tensors and modules answer for themselves. */
export function holderOf(value: unknown, site: Site | null): object | null {
  if (value === null || value === undefined || varyingOf(value)) return null;
  if (value instanceof TensorProxy || isModule(value)) return null;
  checkNoProxy(value, site);
  return Object(value);
}

/**
 * Refuses a Proxy of the program: whatever is done with it is done by its traps.
 * @throws TraceError
 */
export function checkNoProxy(value: unknown, site: Site | null): void {
  if (!types.isProxy(value) || isOwnProxy(value)) return;
  throw new TraceError(
    'A Proxy is used in a branch or loop that depends on a traced value: what its traps change would be changed even where that does not run. Take what is needed of it before.',
    site,
  );
}

/** Getters of modules that a bundler or TypeScript has written: they give the value of a variable. */
function givesName(getter: object): boolean {
  return /^(function( \w+)?\(\)\{return |\(\)=>)[\w$]+(\.[\w$]+)?;?\}?$/.test(
    Function.prototype.toString.call(getter).replace(/\s*([(){};=>])\s*/g, '$1'),
  );
}
