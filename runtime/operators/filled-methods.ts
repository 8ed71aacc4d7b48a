import type { Site } from '../graph/types.ts';
import { EMPTY, OUTSIDE } from '../graph/unequal.ts';
import { GraphEntries, guardEntries } from '../tracing/lists.ts';
import { settled, uses, varyingOf } from '../tracing/varying.ts';
import { binary } from './binary.ts';
import { fresh } from './blocks.ts';
import { and, conditional, if_, or } from './conditionals.ts';
import { type Asked, unfollowed } from './filled-calls.ts';
import { lengthOf } from './filled-entries.ts';
import { isFilledHere } from './filled-here.ts';
import { iteratorOver } from './filled-iterators.ts';
import { collected, folding, through, unchanged } from './filled-loops.ts';
import { boundary, changed, range, replaceEntries, reversed, sliced } from './filled-ranges.ts';
import { around, entryAround, entryOf, perhapsEntry } from './filled-reads.ts';
import { contains, firstIndex, positionOf } from './filled-search.ts';
import { sort, toSorted } from './filled-sort.ts';
import { setEntry, writesEntry } from './filled-writes.ts';
import { math } from './math.ts';
import { whole } from './positions.ts';
import { demand } from './there.ts';
import { truthOf } from './truth.ts';

/** What the methods give. Those that are not here need to know how many entries there are. */
export const FILLED_METHODS: Readonly<Record<string, (asked: Asked) => unknown>> = {
  at: ({ array, values: [index = 0], site }) => entryAround(array, index, site),
  forEach: (asked) => eachCalled(asked, () => {}),
  map: (asked) => collected((add) => eachCalled(asked, add)),
  filter: (asked) =>
    collected((add) => eachCalled(asked, (is, entry) => if_(is, () => add(entry), null, null, asked.site))),
  some: (asked) =>
    folded(asked, false, (before, called) => or(before, () => truthOf(called(), asked.site), asked.site)),
  every: (asked) =>
    folded(asked, true, (before, called) => and(before, () => truthOf(called(), asked.site), asked.site)),
  find: (asked) => found(asked.array, foundIndex(asked), asked.site),
  findIndex: foundIndex,
  findLast: (asked) => found(asked.array, lastFound(asked), asked.site),
  findLastIndex: lastFound,
  includes: ({ array, values: [wanted, from], site }) => contains(array, wanted, site, from),
  indexOf: ({ array, values: [wanted, from], site }) => positionOf(array, wanted, site, from),
  lastIndexOf: (asked) => {
    const { values, site } = asked;
    if (values.length > 1) throw unfollowed('lastIndexOf() of a position', site);
    return lastFound({ ...asked, values: [null], run: (_, __, [entry]) => binary('===', entry, values[0], site) });
  },
  reduce({ array, values, site, run }) {
    const [fn, given] = values;
    const isGiven = values.length > 1;
    if (!isGiven) demand(binary('>', lengthOf(array), 0, site), site, EMPTY);
    return folding(isGiven ? given : entryOf(array, 0, site), (get, set) =>
      through(array, site, isGiven ? 0 : 1, (entry, index) => set(run(fn, undefined, [get(), entry, index, array]))),
    );
  },
  reduceRight(asked) {
    const { array, site, run } = asked;
    const last = binary('-', countOf(array), 1, site);
    return unchanged(array, site, (parts) =>
      FILLED_METHODS.reduce!({
        ...asked,
        array: reversed(parts, site),
        run: (fn, self, [total, entry, index]) => run(fn, self, [total, entry, binary('-', last, index, site), array]),
      }),
    );
  },
  flat: ({ array, values: [depth = 1], site }) => {
    if (depth !== 1) throw unfollowed('flat() of another depth than 1', site);
    return collected((add) => through(array, site, 0, (entry) => addAll(entry, site, add)));
  },
  flatMap: (asked) => collected((add) => eachCalled(asked, (result) => addAll(result, asked.site, add))),
  keys: ({ array, site }) =>
    iteratorOver(array, () => collected((add) => through(array, site, 0, (_, index) => add(index)))),
  values: ({ array }) => iteratorOver(array),
  entries: ({ array, site }) =>
    iteratorOver(array, () =>
      collected((add) => through(array, site, 0, (entry, index) => add(fresh([index, entry])))),
    ),
  sort,
  toSorted,
  slice: ({ array, values: [from, to], site }) => sliced(array, from, to, site),
  toReversed: ({ array, site }) => reversed(array, site),
  reverse: ({ array, site }) => changed(array, reversed(array, site)),
  fill: ({ array, values: [value, from, to], site }) =>
    replaceEntries(array, site, range(array, from, to, site), value),
  with({ array, values: [index, value], site }) {
    const copy = fresh(array.slice());
    const at = around(array, whole(index, site), site);
    const isInside = and(binary('>=', at, 0, site), () => binary('<', at, lengthOf(array), site), site);
    demand(isInside, site, OUTSIDE);
    if (writesEntry(copy, at)) setEntry(copy, at, value, site);
    else copy[at as number] = value;
    guardEntries(copy);
    return copy;
  },
  pop({ array, site }) {
    const last = endOf(array, -1, site);
    changed(array, sliced(array, 0, binary('-', lengthOf(array), 1, site), site));
    return last;
  },
  shift({ array, site }) {
    const first = endOf(array, 0, site);
    changed(array, sliced(array, 1, undefined, site));
    return first;
  },
  splice({ array, values, site }) {
    const [from, count, ...items] = values;
    const start = boundary(array, from, 0, site);
    const end = values.length < 2 ? undefined : binary('+', start, math('max', [whole(count, site), 0], site), site);
    const taken = sliced(array, start, end, site);
    const behind = end === undefined ? [] : sliced(array, end, undefined, site);
    changed(array, sliced(array, 0, start, site).concat(items, behind));
    return taken;
  },
  toSpliced(asked) {
    const copy = fresh(asked.array.slice());
    FILLED_METHODS.splice!({ ...asked, array: copy });
    return copy;
  },
};

/** The entry that was found, if one was. */
function found(array: readonly unknown[], index: unknown, site: Site): unknown {
  return perhapsEntry(array, index, binary('>=', index, 0, site), site);
}

/** Adds the items of an array, or what is none. */
function addAll(value: unknown, site: Site, add: (item: unknown) => void): void {
  const items = settled(value);
  const varying = varyingOf(items);
  if (varying) uses.distribute(varying, (one) => addAll(one, site, add));
  else if (Array.isArray(items)) through(items, site, 0, add);
  else add(items);
}

function countOf(array: readonly unknown[]): unknown {
  const isOpen: boolean = isFilledHere(array);
  return isOpen ? lengthOf(array) : array.length;
}

/** The first or last entry, or undefined where the array is empty. */
function endOf(array: readonly unknown[], index: 0 | -1, site: Site): unknown {
  const isNeverEmpty = array.some((item) => !(item instanceof GraphEntries));
  if (isNeverEmpty) return entryAround(array, index, site);
  return perhapsEntry(array, around(array, index, site), binary('>', lengthOf(array), 0, site), site);
}

/** The largest or smallest of values among which are such entries. */
export function extreme(name: 'max' | 'min', values: readonly unknown[], site: Site): unknown {
  const start = name === 'max' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return folding(start, (get, set) => through(values, site, 0, (entry) => set(math(name, [get(), entry], site))));
}

/** Gives every entry to the function that was given. */
function eachCalled({ array, values, site, run }: Asked, use: (result: unknown, entry: unknown) => void): void {
  const [fn, receiver] = values;
  through(array, site, 0, (entry, index) => use(run(fn, receiver, [entry, index, array]), entry));
}

/** The same, where the function is called only if what came before says so. */
function folded(
  { array, values, site, run }: Asked,
  start: unknown,
  next: (before: unknown, called: () => unknown, index: unknown) => unknown,
): unknown {
  const [fn, receiver] = values;
  return folding(start, (get, set) =>
    through(array, site, 0, (entry, index) => set(next(get(), () => run(fn, receiver, [entry, index, array]), index))),
  );
}

function foundIndex({ array, values, site, run }: Asked): unknown {
  const [fn, receiver] = values;
  return firstIndex(array, site, (entry, index) => run(fn, receiver, [entry, index, array]));
}

/** The same from the last entry on. */
function lastFound({ array, values, site, run }: Asked): unknown {
  const [fn, receiver] = values;
  const last = binary('-', countOf(array), 1, site);
  const fromEnd = (index: unknown) => binary('-', last, index, site);
  const index = unchanged(array, site, (parts) =>
    firstIndex(reversed(parts, site), site, (entry, at) => run(fn, receiver, [entry, fromEnd(at), array])),
  );
  const isFound = binary('>=', index, 0, site);
  return conditional(
    isFound,
    () => fromEnd(index),
    () => -1,
    null,
    site,
  );
}
