import { guardEntries } from '../tracing/lists.ts';
import { fresh } from './blocks.ts';
import { isFilledHere } from './filled-here.ts';

/** An iterator over an array that a branch or loop of the graph filled. Only `for…of` and spreads can go through all. */
class FilledIterator implements IterableIterator<unknown> {
  readonly #make: () => readonly unknown[];
  #own: Iterator<unknown> | null = null;

  constructor(make: () => readonly unknown[]) {
    this.#make = make;
  }

  /** What it goes through, if nothing has been taken from it yet. */
  static arrayOf(value: unknown): readonly unknown[] | null {
    if (typeof value !== 'object' || value === null || !(#own in value) || value.#own !== null) return null;
    return value.#make();
  }

  next(): IteratorResult<unknown> {
    this.#own ??= guarded(this.#make());
    return this.#own.next();
  }

  [Symbol.iterator](): this {
    return this;
  }
}

function guarded(entries: readonly unknown[]): Iterator<unknown> {
  const array = entries.slice();
  guardEntries(array);
  return array[Symbol.iterator]();
}

/** The arrays of which others were made to go through. */
const sources = new WeakMap<object, readonly unknown[]>();

/** An iterator over an array, or over what is made of it when it is first asked for something. */
export function iteratorOver(
  array: readonly unknown[],
  make: () => readonly unknown[] = () => array,
): IterableIterator<unknown> {
  return fresh(
    new FilledIterator(() => {
      const made = make();
      if (made !== array) sources.set(made, array);
      return made;
    }),
  );
}

/** The array of which this one was made to go through it. */
export function sourceOf(value: unknown): readonly unknown[] | undefined {
  return sources.get(value as object);
}

/** The array that an iterator is about to go through, or the value itself. */
export function iterated(value: unknown): unknown {
  const array = FilledIterator.arrayOf(value);
  return array && isFilledHere(array) ? array : value;
}
