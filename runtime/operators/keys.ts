import { types } from 'node:util';
import { TraceError } from '../errors.ts';
import type { Site } from '../graph/types.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import { varies, varyingOf } from '../tracing/varying.ts';

/** Methods of Map and Set that take a key, and what to write instead if it is traced. */
export const KEYED: readonly (readonly [object: object, method: string, remedy: string])[] = [
  [Map.prototype, 'set', 'Keep keys and values in two arrays.'],
  [Map.prototype, 'delete', 'Keep keys and values in two arrays.'],
  [Set.prototype, 'add', 'Push it to an array.'],
  [Set.prototype, 'delete', 'Keep the values in an array.'],
  ...['get', 'set', 'has', 'delete'].map(
    (name) => [WeakMap.prototype, name, 'Keep the data beside the tensor.'] as const,
  ),
  ...['add', 'has', 'delete'].map((name) => [WeakSet.prototype, name, 'Keep the data beside the tensor.'] as const),
];

/** Refuses a traced tensor as a key: JavaScript would look it up by its value, which only the run will know. */
export function checkKey(what: string, key: unknown, remedy: string, site: Site): void {
  const varying = varyingOf(key);
  if (varying) throw varies(varying);
  if (!(key instanceof TensorProxy)) return;
  throw new TraceError(
    `${what} is given a traced tensor as a key, which has no value before the model runs. ${remedy}`,
    site,
  );
}

/** Refuses traced keys in a Map or Set that was just made. */
export function checkKeys(made: unknown, site: Site): void {
  if (types.isMap(made))
    for (const key of made.keys()) checkKey('A Map', key, 'Keep keys and values in two arrays.', site);
  if (types.isSet(made)) for (const key of made) checkKey('A Set', key, 'Keep the values in an array.', site);
}

/** Refuses traced keys in what a WeakMap or WeakSet is about to be made of: it does not tell which keys it has. */
export function checkWeakKeys(type: object, [entries]: readonly unknown[], site: Site): void {
  const isMap = type === WeakMap || Object.prototype.isPrototypeOf.call(WeakMap, type);
  const isSet = type === WeakSet || Object.prototype.isPrototypeOf.call(WeakSet, type);
  if (!(isMap || isSet) || !Array.isArray(entries)) return;
  const remedy = 'Keep the data beside the tensor.';
  for (const entry of entries as readonly unknown[])
    checkKey(isMap ? 'A WeakMap' : 'A WeakSet', isMap ? Reflect.get(Object(entry), 0) : entry, remedy, site);
}

/** Refuses a traced length of a new array. */
export function checkLength(name: string, length: unknown, site: Site): void {
  const varying = varyingOf(length);
  if (varying) throw varies(varying);
  if (!(length instanceof TensorProxy)) return;
  throw new TraceError(
    `${name} is given a traced tensor, whose value would be its length and is known only when the model runs. Push to an empty array in a loop, or make a tensor: zeros(n).`,
    site,
  );
}
