import { TraceError } from '../errors.ts';
import type { Site } from '../graph/types.ts';
import { isOwnProxy } from '../own-proxies.ts';
import type { Builder } from '../tracing/builder.ts';
import {
  bytesSlot,
  dateSlot,
  entrySlot,
  type Keyed,
  keysSlot,
  mapKeysSlot,
  searchSlot,
  setSlot,
} from '../tracing/containers.ts';
import { isModule } from '../tracing/model.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import { SavedProxy } from '../tracing/saves.ts';
import { ArraySlot, PropertySlot } from '../tracing/slots.ts';
import { varyingOf } from '../tracing/varying.ts';
import { isIntrinsic } from './intrinsics.ts';
import { accessorOf, checkNoProxy, checkSetter } from './user-objects.ts';

/** Notes that `object[key]` is about to be set to a value, or taken away. */
export function noteProperty(target: Builder, object: unknown, key: PropertyKey, value?: unknown): void {
  if (!isNoted(object)) return;
  checkNoProxy(object, target.site);
  const accessor = accessorOf(object, key, target.site);
  if (Array.isArray(object) && (key === 'length' || isIndex(key))) target.note(ArraySlot.of(target, object));
  else if (object instanceof RegExp && key === 'lastIndex') target.note(searchSlot(target, object));
  else if (ArrayBuffer.isView(object) && isIndex(key)) target.note(bytesSlot(target, object.buffer));
  else if (accessor && key === '__proto__') checkOwn(target, '__proto__', object, target.site);
  else if (accessor) checkSetter(object, key, target.site);
  else {
    target.note(PropertySlot.of(target, object, key));
    // A save may be a property of its own: it is undefined where its branch did not run.
    if (!(value instanceof SavedProxy)) target.note(keysSlot(target, object));
  }
}

/** Notes everything that a function of JavaScript may change in an object: its contents, not theirs in turn. */
export function noteContent(target: Builder, object: unknown): void {
  if (!isNoted(object)) return;
  checkNoProxy(object, target.site);
  if (Array.isArray(object)) target.note(ArraySlot.of(target, object));
  else if (object instanceof Map) {
    for (const key of object.keys()) target.note(entrySlot(target, object, key));
    target.note(mapKeysSlot(target, object));
  } else if (object instanceof Set) target.note(setSlot(target, object));
  else if (ArrayBuffer.isView(object)) target.note(bytesSlot(target, object.buffer));
  else if (object instanceof ArrayBuffer) target.note(bytesSlot(target, object));
  else if (object instanceof Date) target.note(dateSlot(target, object));
  else if (object instanceof RegExp) target.note(searchSlot(target, object));
  else {
    for (const key of Reflect.ownKeys(object))
      if (!accessorOf(object, key, target.site)) target.note(PropertySlot.of(target, object, key));
    target.note(keysSlot(target, object));
  }
}

/** Refuses to change the making of an object that was there before the body. */
export function checkOwn(target: Builder, by: string, object: unknown, site: Site | null): void {
  if (Object(object) !== object || target.isOwn(object as object)) return;
  throw new TraceError(
    `${by} changes an object from outside in a branch or loop that depends on a traced value, which cannot be undone where that does not run. Do it before or after.`,
    site,
  );
}

/** Notes that a Map, WeakMap or WeakSet may get another value under a key. */
export function noteEntry(target: Builder, object: Keyed, key: unknown): void {
  target.note(entrySlot(target, object, key));
  if (object instanceof Map) target.note(mapKeysSlot(target, object));
}

/**
 * Refuses to go on with an iterator that was there before the body: it cannot be set back.
 * @throws TraceError
 */
export function checkIterator(target: Builder, value: unknown, site: Site): void {
  // Of a module's operations every name would be one.
  if (!target.isRecording || !isNoted(value) || (isOwnProxy(value) && !varyingOf(value))) return;
  if (typeof (value as Partial<Iterator<unknown>>).next !== 'function') return;
  if (target.isOwn(value) || !isNativeIterator(value)) return;
  throw new TraceError(
    'An iterator that was made outside is advanced in a branch or loop that depends on a traced value, and cannot be set back where that does not run. Make it there, or take its values into an array before: [...iterator].',
    site,
  );
}

/** Iterators of other kinds keep their state in properties and variables, which are noted. */
function isNativeIterator(value: object): boolean {
  return /^\[object (.* Iterator|Generator|Iterator Helper)\]$/.test(Object.prototype.toString.call(value));
}

/** Tensors and the modules of a model note changes themselves; JavaScript's own objects do not change. */
function isNoted(object: unknown): object is object {
  const isObject = (typeof object === 'object' && object !== null) || typeof object === 'function';
  return isObject && !(object instanceof TensorProxy) && !isModule(object) && !isIntrinsic(object);
}

function isIndex(key: PropertyKey): boolean {
  return typeof key !== 'symbol' && /^\d+$/.test(String(key));
}
