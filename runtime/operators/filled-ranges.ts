import type { Site } from '../graph/types.ts';
import { builder } from '../tracing/builder.ts';
import { GraphEntries } from '../tracing/lists.ts';
import { ArraySlot } from '../tracing/slots.ts';
import { binary } from './binary.ts';
import { and, conditional, if_ } from './conditionals.ts';
import { entryAt, lengthOf } from './filled-entries.ts';
import { collected, countTo, through } from './filled-loops.ts';
import { math } from './math.ts';
import { whole } from './positions.ts';

/** Puts a value in the place of some entries. */
export function replaceEntries(
  array: unknown[],
  site: Site,
  isOne: (index: unknown) => unknown,
  value: unknown,
): unknown[] {
  const replaced = (add: (value: unknown) => void) =>
    through(array, site, 0, (entry, index) =>
      add(
        conditional(
          isOne(index),
          () => value,
          () => entry,
          null,
          site,
        ),
      ),
    );
  return changed(array, collected(replaced));
}

/** The entries between two indices that may count from the end. */
export function sliced(array: readonly unknown[], from: unknown, to: unknown, site: Site): unknown[] {
  const within = range(array, from, to, site);
  return collected((add) =>
    through(array, site, 0, (entry, index) => if_(within(index), () => add(entry), null, null, site)),
  );
}

/** Tells whether an index lies between two that may count from the end. */
export function range(array: readonly unknown[], from: unknown, to: unknown, site: Site): (index: unknown) => unknown {
  const start = boundary(array, from, 0, site);
  const end = to === undefined ? null : boundary(array, to, 0, site);
  return (index) => and(binary('>=', index, start, site), () => end === null || binary('<', index, end, site), site);
}

/** An index that may count from the end. */
export function boundary(array: readonly unknown[], bound: unknown, otherwise: number, site: Site): unknown {
  if (bound === undefined) return otherwise;
  const given = whole(bound, site);
  if (typeof given === 'number' && given >= 0) return given;
  return conditional(
    binary('<', given, 0, site),
    () => math('max', [binary('+', lengthOf(array), given, site), 0], site),
    () => given,
    null,
    site,
  );
}

/** The entries from the last to the first. */
export function reversed(array: readonly unknown[], site: Site): unknown[] {
  return collected((add) => {
    for (const part of array.toReversed()) {
      if (!(part instanceof GraphEntries)) add(part);
      else {
        const last = binary('-', part.length(), 1, site);
        countTo(part.length(), site, (i) => add(entryAt(part, binary('-', last, i, site) as never)));
      }
    }
  });
}

/** Puts other items into an array. */
export function changed(array: unknown[], items: readonly unknown[]): unknown[] {
  const slot = ArraySlot.of(builder(), array);
  builder().note(slot);
  slot.set(items);
  return array;
}
