import type { Site } from '../graph/types.ts';
import { GraphEntries } from '../tracing/lists.ts';
import { binary } from './arithmetic.ts';
import { conditional } from './conditionals.ts';
import { entryOf, lengthOf } from './filled-entries.ts';
import { sliced } from './filled-ranges.ts';

/**
 * What an array pattern takes of an array that a branch or loop of the graph filled: `count` elements, as they are read by
 * their index, and then the rest of them. Those that are asked for a default value are undefined where the array ends
 * before.
 */
export function* takenOfFilled(
  array: unknown[],
  count: number,
  asked: readonly number[],
  site: Site,
): Generator<unknown, void> {
  const own = array.findIndex((item) => item instanceof GraphEntries);
  for (let i = 0; i < count; i++) {
    if (i < own) yield array[i];
    else if (!asked.includes(i)) yield entryOf(array, i);
    else
      yield conditional(
        binary('>', lengthOf(array), i, site),
        () => entryOf(array, i),
        () => undefined,
        null,
        site,
      );
  }
  // The entries as they are: JavaScript makes the array of the rest of them.
  yield* Array.prototype.values.call(sliced(array, count, undefined, site));
}
