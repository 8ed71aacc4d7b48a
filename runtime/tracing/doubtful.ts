import { activeBuilder, builder } from './builder.ts';
import type { TensorProxy } from './proxy.ts';
import { checkAsked } from './unused.ts';

/** An entry of an array that may not be there. */
export interface Doubt {
  /** The entry as a value that is undefined where the array has none. */
  ask(): unknown;
  /** Whether the array has it: a truth value of the graph. */
  isThere(): TensorProxy;
}

export function doubt(entry: object, how: Doubt): void {
  builder().objects.doubtful.set(entry, how);
}

/** A value that is about to be asked whether it is there: an entry that may not be is then undefined, as in JavaScript. */
export function asked(value: unknown): unknown {
  const how = doubtOf(value);
  if (how) return how.ask();
  checkAsked(value);
  return value;
}

/** Null for a value that is certainly what it is. */
export function doubtOf(value: unknown): Doubt | null {
  return (isObject(value) && activeBuilder()?.objects.doubtful.get(value)) || null;
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}
