import type { Site } from '../graph/types.ts';
import { GraphEntries } from '../tracing/lists.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import { binary } from './binary.ts';
import { lengthOf } from './filled-entries.ts';
import { sliced } from './filled-ranges.ts';
import { entryOf, perhapsEntry } from './filled-reads.ts';
import { there } from './there.ts';

/**
 * What an array pattern takes of an array that a branch or loop of the graph filled: `count` elements, as they are read by
 * their index, and then the rest of them. Those that are asked for a default value are undefined where the array ends
 * before. What a pattern in it takes apart has to be there.
 */
export function* takenOfFilled(
  array: unknown[],
  count: number,
  isNested: boolean,
  asked: readonly number[],
  site: Site,
): Generator<unknown, void> {
  const own = array.findIndex((item) => item instanceof GraphEntries);
  for (let i = 0; i < count; i++) {
    if (i < own) yield array[i];
    else if (!asked.includes(i)) {
      const entry = entryOf(array, i, site);
      yield isNested && !(entry instanceof TensorProxy) ? there(entry, site) : entry;
    } else yield perhapsEntry(array, i, binary('>', lengthOf(array), i, site), site);
  }
  // The entries as they are: JavaScript makes the array of the rest of them.
  yield* Array.prototype.values.call(sliced(array, count, undefined, site));
}
