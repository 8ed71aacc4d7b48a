import { refuseMore } from '../arguments.ts';

/** Functions that a branch or loop of the graph may call though the compiler has not seen them. */
const harmless = new WeakSet<object>();

/** Those of this library. */
const library = new WeakSet<object>();

/** What functions of both kinds are called. */
const names = new Set<string>();

/**
 * Declares that calling a function that was not compiled, a library's for instance, changes nothing that other code
 * can see, so that a block may call it under a traced condition and in a traced loop. Returns the function.
 * @throws TypeError if it is given anything but a function
 */
export function pure<F extends (...values: never[]) => unknown>(fn: F, ...more: readonly never[]): F {
  refuseMore('pure(fn)', more);
  if (typeof fn !== 'function') throw new TypeError('pure() takes a function: pure(lodash.clamp).');
  harmless.add(fn);
  names.add(fn.name);
  return fn;
}

/** Declares the same for functions of this library and methods of its classes: their effects become part of the graph. */
export function ours(...functions: readonly object[]): void {
  for (const one of functions) {
    library.add(one);
    names.add((one as { readonly name: string }).name);
    for (const holder of [one, (one as { prototype?: object }).prototype ?? {}]) {
      for (const key of Reflect.ownKeys(holder)) {
        const { value, get, set } = Object.getOwnPropertyDescriptor(holder, key)!;
        for (const fn of [value, get, set]) if (typeof fn === 'function') library.add(fn);
      }
    }
  }
}

export function isHarmless(fn: object): boolean {
  return harmless.has(fn) || library.has(fn);
}

/** Names under which functions of this library are exported, beside their own. */
export function alsoCalled(...others: readonly string[]): void {
  for (const name of others) names.add(name);
}

/** Whether a function of that name is one of them. */
export function isHarmlessName(name: string): boolean {
  return names.has(name);
}

/** Whether a function belongs to this library: it knows what values of a trace are. */
export function isOurs(fn: object): boolean {
  return library.has(fn);
}
