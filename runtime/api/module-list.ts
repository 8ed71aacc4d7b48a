import { keepBound } from '../operators/indirect-calls.ts';
import type { Envoy, ModuleArray } from '../types/module.ts';

export type ListMethod = keyof ModuleArray<Envoy>;

/** The methods of JavaScript's arrays that lists of modules have: all that leave the array as it is. */
const METHODS: { readonly [Name in ListMethod]: true } = {
  at: true,
  concat: true,
  entries: true,
  every: true,
  filter: true,
  find: true,
  findIndex: true,
  flatMap: true,
  forEach: true,
  includes: true,
  indexOf: true,
  keys: true,
  map: true,
  reduce: true,
  slice: true,
  some: true,
  values: true,
};

export function isListMethod(key: PropertyKey): key is ListMethod {
  return Object.hasOwn(METHODS, key);
}

/** A method of a list of modules: that of an array of them, which compiled code calls as it calls any array's. */
export function listMethod(modules: readonly Envoy[], key: ListMethod): unknown {
  const fn = Array.prototype[key];
  const bound: (...values: unknown[]) => unknown = fn.bind(modules as never) as never;
  keepBound(bound, { fn, receiver: modules, values: [] });
  return bound;
}
