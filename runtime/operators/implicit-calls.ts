import type { Site } from '../graph/types.ts';
import { isModule } from '../tracing/model.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import { varyingOf } from '../tracing/varying.ts';
import type { Call } from './indirect-calls.ts';
import { checkKnown } from './known-functions.ts';

/*
 * Functions that JavaScript calls though no call stands in the source: getters and setters, conversions of objects,
 * iterators. In the body of a branch or loop those that were not compiled are refused, as calls of them are.
 */

/** The accessor by which `object[key]` is read and set; null if it is none. */
export function accessorOf(object: object, key: PropertyKey): PropertyDescriptor | null {
  for (let at: object | null = object; at !== null; at = Object.getPrototypeOf(at)) {
    const found = Object.getOwnPropertyDescriptor(at, key);
    if (found) return 'value' in found ? null : found;
  }
  return null;
}

/** `object[key]` is about to be read. */
export function checkGetter(object: unknown, key: PropertyKey, site: Site | null): void {
  const holder = holderOf(object);
  const getter = holder && accessorOf(holder, key)?.get;
  if (getter) checkKnown(getter, site);
}

/** `object[key]` is about to be set. */
export function checkSetter(object: unknown, key: PropertyKey, site: Site | null): void {
  const holder = holderOf(object);
  const setter = holder && accessorOf(holder, key)?.set;
  if (setter) checkKnown(setter, site);
}

/** Several properties of an object are about to be read, by a pattern or a function: any of its getters may be called. */
export function checkGetters(object: unknown, site: Site | null): void {
  for (let at = holderOf(object); at !== null; at = Object.getPrototypeOf(at)) {
    for (const { get } of Object.values(Object.getOwnPropertyDescriptors(at))) if (get) checkKnown(get, site);
  }
}

/** A value is about to become a text or a number. */
export function checkConverted(value: unknown, site: Site | null): void {
  const holder = holderOf(value);
  if (!holder) return;
  for (const key of [Symbol.toPrimitive, 'valueOf', 'toString']) {
    const convert: unknown = Reflect.get(holder, key);
    if (typeof convert === 'function') checkKnown(convert, site);
    if (typeof convert === 'function' && key === Symbol.toPrimitive) return;
  }
}

/** The operands of an operator of JavaScript. Whether two objects are one is asked without a conversion. */
export function checkOperands(operator: string, operands: readonly unknown[], site: Site): void {
  if (operator === '===' || operator === '!==' || operator === '!') return;
  if (operator === 'instanceof') {
    const test: unknown = holderOf(operands[1]) && Reflect.get(Object(operands[1]), Symbol.hasInstance);
    if (typeof test === 'function') checkKnown(test, site);
    return;
  }
  const converted = operator === 'in' ? operands.slice(0, 1) : operands;
  const isCompared = operator === '==' || operator === '!=';
  if (isCompared && operands.every((one) => one === null || one === undefined || Object(one) === one)) return;
  if (isCompared && operands.some((one) => one === null || one === undefined)) return;
  for (const one of converted) checkConverted(one, site);
}

/** A value is about to be iterated over. */
export function checkIterated(value: unknown, site: Site | null): void {
  const holder = holderOf(value);
  const iterate: unknown = holder && Reflect.get(holder, Symbol.iterator);
  if (typeof iterate === 'function') checkKnown(iterate, site);
}

const words = (text: string): ReadonlySet<string> => new Set(text.split(' '));

/** Functions of JavaScript that convert their arguments, or the elements of their receiver. */
const CONVERTING = words('String Number BigInt parseInt parseFloat isNaN isFinite join toString toLocaleString');
/** Those that iterate over their first argument. */
const ITERATING = words('from fromEntries groupBy');
/** Those that read all properties of their arguments. */
const OPENING = words('assign values entries stringify structuredClone');

/** The functions that a function of JavaScript is about to call. */
export function checkImplicitCalls({ fn, receiver, values }: Call, site: Site): void {
  const { name } = fn as { name: string };
  const isOfMath = Reflect.get(Math, name) === fn;
  if (CONVERTING.has(name) || isOfMath || typeof receiver === 'string') {
    for (const value of [...values, ...(Array.isArray(receiver) ? receiver : [])]) checkConverted(value, site);
  }
  if (ITERATING.has(name)) checkIterated(values[0], site);
  if (OPENING.has(name) && !(receiver instanceof Map || receiver instanceof Set || Array.isArray(receiver))) {
    for (const value of values) checkGetters(value, site);
  }
  const [object, key] = values;
  if (fn === Reflect.get(Reflect, 'get')) checkGetter(object, key as PropertyKey, site);
  if (fn === Reflect.get(Reflect, 'set')) checkSetter(object, key as PropertyKey, site);
  if (fn === Object.assign) {
    for (const one of values.slice(1)) for (const each of Reflect.ownKeys(Object(one))) checkSetter(object, each, site);
  }
  const toJSON: unknown = name === 'stringify' ? holderOf(object) && Reflect.get(holderOf(object)!, 'toJSON') : null;
  if (typeof toJSON === 'function') checkKnown(toJSON, site);
}

/** An object that is the user's: varying values, tensors and modules answer for themselves. */
function holderOf(value: unknown): object | null {
  const isObject = (typeof value === 'object' && value !== null) || typeof value === 'function';
  if (!isObject || varyingOf(value)) return null;
  return value instanceof TensorProxy || isModule(value) ? null : value;
}
