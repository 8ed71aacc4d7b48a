import { guardEntries } from '../tracing/lists.ts';
import { fresh } from './blocks.ts';
import { isFilledHere } from './filled-here.ts';

/** An iterator over an array that a branch or loop of the graph filled. Only `for…of` and spreads can go through all. */
class FilledIterator implements IterableIterator<unknown> {
  readonly #own: Iterator<unknown>;
  /** The array, as long as nothing has been taken from it. */
  #untouched: readonly unknown[] | null;

  constructor(entries: readonly unknown[]) {
    const array = entries.slice();
    guardEntries(array);
    this.#own = array[Symbol.iterator]();
    this.#untouched = array;
  }

  static arrayOf(value: unknown): readonly unknown[] | null {
    return typeof value === 'object' && value !== null && #untouched in value ? value.#untouched : null;
  }

  next(): IteratorResult<unknown> {
    this.#untouched = null;
    return this.#own.next();
  }

  [Symbol.iterator](): this {
    return this;
  }
}

export function iteratorOver(entries: readonly unknown[]): IterableIterator<unknown> {
  return fresh(new FilledIterator(entries));
}

/** The array that an iterator is about to go through, or the value itself. */
export function iterated(value: unknown): unknown {
  const array = FilledIterator.arrayOf(value);
  return array && isFilledHere(array) ? array : value;
}
