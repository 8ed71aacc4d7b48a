import { activeBuilder, builder } from './builder.ts';

/** Notes that an entry may not be there. `ask` gives it as a value that is undefined where the array has none. */
export function doubt(entry: object, ask: () => unknown): void {
  builder().objects.doubtful.set(entry, ask);
}

/** A value that is about to be asked whether it is there: an entry that may not be is then undefined, as in JavaScript. */
export function asked(value: unknown): unknown {
  const ask = isObject(value) ? activeBuilder()?.objects.doubtful.get(value) : undefined;
  return ask ? ask() : value;
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}
