import { guardEntries } from '../tracing/lists.ts';
import { fresh } from './blocks.ts';
import { isFilledHere } from './filled-here.ts';

/** The arrays that iterators go through which nothing has been taken from yet. */
const untouched = new WeakMap<object, readonly unknown[]>();

/** An iterator over an array that a branch or loop of the graph filled. Only `for…of` and spreads can go through all. */
export function iteratorOver(entries: readonly unknown[]): IterableIterator<unknown> {
  const array = entries.slice();
  guardEntries(array);
  const own = array[Symbol.iterator]();
  const iterator: IterableIterator<unknown> = {
    next() {
      untouched.delete(iterator);
      return own.next();
    },
    [Symbol.iterator]: () => iterator,
  };
  untouched.set(iterator, array);
  return fresh(iterator);
}

/** The array that an iterator is about to go through, or the value itself. */
export function iterated(value: unknown): unknown {
  const array = typeof value === 'object' && value !== null ? untouched.get(value) : undefined;
  return array && isFilledHere(array) ? array : value;
}
