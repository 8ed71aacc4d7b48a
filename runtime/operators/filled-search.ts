import type { Site } from '../graph/types.ts';
import { binary } from './binary.ts';
import { and, conditional, or } from './conditionals.ts';
import { isFilledHere } from './filled-here.ts';
import { folding, through } from './filled-loops.ts';
import { range } from './filled-ranges.ts';
import { indexOf } from './look-ups.ts';

/** The first index for which a question is answered with yes; -1 if there is none. */
export function firstIndex(
  array: readonly unknown[],
  site: Site,
  is: (entry: unknown, index: unknown) => unknown,
): unknown {
  const choose = (test: unknown, a: () => unknown, b: () => unknown) => conditional(test, a, b, null, site);
  const next = (before: unknown, entry: unknown, index: unknown) =>
    choose(
      binary('>=', before, 0, site),
      () => before,
      () =>
        choose(
          is(entry, index),
          () => index,
          () => -1,
        ),
    );
  return folding(-1, (get, set) => through(array, site, 0, (entry, index) => set(next(get(), entry, index)), true));
}

/** `array.indexOf(wanted, from)` */
export function positionOf(array: readonly unknown[], wanted: unknown, site: Site, from?: unknown): unknown {
  if (!isFilledHere(array)) return indexOf(array, [wanted], site);
  const isFrom = range(array, from, undefined, site);
  return firstIndex(array, site, (entry, index) => and(isFrom(index), () => binary('===', entry, wanted, site), site));
}

/** `array.includes(wanted, from)`: NaN is found, too. */
export function contains(array: readonly unknown[], wanted: unknown, site: Site, from?: unknown): unknown {
  const isFrom = range(array, from, undefined, site);
  const isNotANumber = (value: unknown) => binary('!==', value, value, site);
  const isSame = (entry: unknown) =>
    or(binary('===', entry, wanted, site), () => and(isNotANumber(entry), () => isNotANumber(wanted), site), site);
  const found = firstIndex(array, site, (entry, index) => and(isFrom(index), () => isSame(entry), site));
  return binary('>=', found, 0, site);
}
