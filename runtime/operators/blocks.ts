import type { Site } from '../graph/types.ts';
import { activeBuilder } from '../tracing/builder.ts';
import { guardEntries, isFilled } from '../tracing/lists.ts';

/** Functions and classes that went through the compiler. A set of its own, since functions may be frozen or shared. */
const compiled = new WeakSet<object>();

/** What those are called that stand outside of other functions: of a call in code that was not compiled only the name is known. */
const names = new Set<string>();

/** Classes whose constructors may give another object than the one that is made. */
const returning = new WeakSet<object>();

/** What a function takes from around it: where that is the same, it does the same. */
export interface BlockGuards {
  /** Where the function stands. */
  readonly site: Site;
  /** The values of the names that it takes from around it. */
  readonly read: () => readonly unknown[];
}

const guards = new WeakMap<object, BlockGuards>();

/** The sites of such functions: a file that is loaded anew may hold other code at the same place. */
const blockSites = new WeakSet<object>();

export function isBlockSite(value: object): boolean {
  return blockSites.has(value);
}

/** Marks a function as compiled and returns it. The rest is known of one that depends on nothing but what it reads. */
export function block<T extends (...values: never[]) => unknown>(
  fn: T,
  site?: Site,
  read?: () => readonly unknown[],
): T {
  note(fn);
  if (site && read) {
    guards.set(fn, { site, read });
    blockSites.add(site);
  }
  return fresh(fn);
}

/** Null for a function that may depend on more than what it reads. */
export function guardsOf(fn: object): BlockGuards | null {
  return guards.get(fn) ?? null;
}

/**
 * Marks a function declaration, a method or a class as compiled.
 * @param returns whether it is a class whose constructor holds a `return` with a value
 */
export function mark(fn: object, returns = false): void {
  note(fn);
  if (returns) returning.add(fn);
}

function note(fn: object): void {
  compiled.add(fn);
  if (!activeBuilder()) names.add((fn as { readonly name: string }).name);
}

/**
 * Marks getters and setters as compiled and returns their holder.
 * @param keys which of them; all that the object has itself if left out
 */
export function accessors<T extends object>(holder: T, keys: readonly PropertyKey[] = Reflect.ownKeys(holder)): T {
  for (const key of keys) {
    const { get, set } = Object.getOwnPropertyDescriptor(holder, key) ?? {};
    for (const fn of [get, set]) if (fn) compiled.add(fn);
  }
  return holder;
}

export function isCompiled(fn: object): boolean {
  return compiled.has(fn);
}

/** Whether a function of that name is compiled. */
export function isCompiledName(name: string): boolean {
  return names.has(name);
}

/** Whether the constructor of a compiled class may give another object than the one that is made. */
export function mayReturnOther(type: object): boolean {
  return returning.has(type);
}

/** An object or array that was just made: nothing else refers to it yet. */
export function fresh<T extends object>(object: T): T {
  activeBuilder()?.made(object);
  if (isFilled(object)) guardEntries(object);
  return object;
}

/** The sites in a file that compiled code refers to, from pairs of line and column. */
export function sites(file: string, positions: readonly number[]): Site[] {
  const result: Site[] = [];
  for (let i = 0; i < positions.length; i += 2) result.push({ file, line: positions[i]!, column: positions[i + 1]! });
  return result;
}
