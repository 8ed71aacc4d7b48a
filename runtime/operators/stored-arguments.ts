import type { Call } from './indirect-calls.ts';
import { isIntrinsic } from './intrinsics.ts';

/** Where the values begin that a function of JavaScript stores, whatever they are. */
const STORED = new Map<unknown, number>([
  ...[Array.prototype.push, Array.prototype.unshift, Array.prototype.concat, Array.prototype.fill, Array.of].map(
    (fn) => [fn, 0] as const,
  ),
  [Array.prototype.splice, 2],
  [Array.prototype.with, 1],
  [Map.prototype.set, 1],
  [WeakMap.prototype.set, 1],
]);

/** The arguments that a function of JavaScript looks at: it has to be called with whichever value one is. */
export function lookedAt({ fn, values }: Call): readonly unknown[] {
  return isIntrinsic(fn) ? values.slice(0, STORED.get(fn)) : [];
}

const functionsOf = (object: object): unknown[] =>
  Object.values(Object.getOwnPropertyDescriptors(object)).map(({ value }) => value);

/** Functions that compare and keep values, or open objects, and make neither a text nor a number of one. */
const TAKING: ReadonlySet<unknown> = new Set<unknown>([
  ...[Map, Set, WeakMap, WeakSet].flatMap((type) => [type, ...functionsOf(type.prototype)]),
  ...[Object, Array, Function, JSON, Function.prototype].flatMap(functionsOf),
  ...[Object, Array, structuredClone],
]);

/** Those that take the name of a property as their second argument. */
const NAMING: ReadonlySet<unknown> = new Set<unknown>([
  ...functionsOf(Reflect),
  ...[Object.hasOwn, Object.defineProperty, Object.getOwnPropertyDescriptor],
]);

/** Those that compare their first argument, or store it, and count with the others. */
const COMPARING: ReadonlySet<unknown> = new Set<unknown>([
  ...[Array.prototype.includes, Array.prototype.indexOf, Array.prototype.lastIndexOf, Array.prototype.fill],
]);

/** The arguments of which a function of JavaScript makes a text or a number. */
export function convertedBy({ fn, receiver, values }: Call): readonly unknown[] {
  if (NAMING.has(fn)) return values.slice(1, 2);
  if (TAKING.has(fn)) return [];
  if (COMPARING.has(fn)) return values.slice(1);
  const isOfText = Reflect.get(String.prototype, (fn as { name: string }).name) === fn;
  const given = values.slice(0, STORED.get(fn)).filter((value) => typeof value !== 'function');
  return isOfText ? [receiver, ...given] : given;
}
