import type { Site } from '../graph/types.ts';

/** Throws, as an object has no `name`. */
type Refuse = (name: string, site: Site | null) => never;

interface Closed {
  readonly has: (name: string) => boolean;
  readonly refuse: Refuse;
}

/**
 * Objects that have what they have: of another name compiled code gets an error. Debuggers and tools ask any object for
 * some, and go on getting undefined.
 */
const closed = new WeakMap<object, Closed>();

/** @param has what it has: its own properties unless given */
export function close(object: object, refuse: Refuse, has = (name: string) => Object.hasOwn(object, name)): void {
  closed.set(object, { has, refuse });
}

/** `object.key` in compiled code. What every object has can be called: `object.hasOwnProperty('a')`. */
export function checkClosed(object: unknown, key: unknown, site: Site): void {
  if (typeof object !== 'object' || typeof key !== 'string') return;
  if (key !== 'constructor' && key in Object.prototype) return;
  refusalOf(object, key)?.(key, site);
}

/** A closed object as a pattern takes it apart, which JavaScript itself does; others are given back. */
export function closedForPattern<T>(object: T, site: Site): T {
  if (!closed.has(Object(object))) return object;
  return new Proxy(object as T & object, {
    get(target, key, receiver) {
      if (typeof key === 'string') refusalOf(target, key)?.(key, site);
      return Reflect.get(target, key, receiver);
    },
  });
}

function refusalOf(object: unknown, key: string): Refuse | undefined {
  const found = closed.get(Object(object));
  return found && !found.has(key) ? found.refuse : undefined;
}
