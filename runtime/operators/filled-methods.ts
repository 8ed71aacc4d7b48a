import type { Site } from '../graph/types.ts';
import { GraphEntries, guardEntries } from '../tracing/lists.ts';
import { binary } from './arithmetic.ts';
import { fresh } from './blocks.ts';
import { and, conditional, if_, or } from './conditionals.ts';
import { entryOf, lengthOf } from './filled-entries.ts';
import { collected, folding, through } from './filled-loops.ts';
import { boundary, changed, range, replaceEntries, reversed, sliced } from './filled-ranges.ts';
import { writeEntry, writesEntry } from './filled-writes.ts';
import { math } from './math.ts';
import { truthOf } from './truth.ts';

export type Run = (fn: unknown, receiver: unknown, values: readonly unknown[]) => unknown;

/** A call of a method of an array that a branch or loop of the graph filled. */
interface Asked {
  readonly array: unknown[];
  readonly values: readonly unknown[];
  readonly site: Site;
  /** Calls a function of the user's, or one of JavaScript. */
  readonly run: Run;
}

/** What the methods give. Those that are not here need to know how many entries there are. */
export const FILLED_METHODS: Readonly<Record<string, (asked: Asked) => unknown>> = {
  at: ({ array, values: [index] }) => entryOf(array, index),
  forEach: (asked) => eachCalled(asked, () => {}),
  map: (asked) => collected((add) => eachCalled(asked, add)),
  filter: (asked) =>
    collected((add) => eachCalled(asked, (is, entry) => if_(is, () => add(entry), null, null, asked.site))),
  some: (asked) =>
    folded(asked, false, (before, called) => or(before, () => truthOf(called(), asked.site), asked.site)),
  every: (asked) =>
    folded(asked, true, (before, called) => and(before, () => truthOf(called(), asked.site), asked.site)),
  find: (asked) => {
    const { array, site } = asked;
    const index = foundIndex(asked);
    return conditional(
      binary('>=', index, 0, site),
      () => entryOf(array, index),
      () => undefined,
      null,
      site,
    );
  },
  findIndex: foundIndex,
  includes: (asked) =>
    FILLED_METHODS.some!({ ...asked, values: [null], run: (_, __, [entry]) => isSameValue(entry, asked) }),
  indexOf: (asked) =>
    foundIndex({
      ...asked,
      values: [null],
      run: (_, __, [entry]) => binary('===', entry, asked.values[0], asked.site),
    }),
  reduce({ array, values, site, run }) {
    const [fn, start] = values;
    const first = entryOf(array, 0);
    const isGiven = values.length > 1;
    return folding(isGiven ? start : first, (get, set) =>
      through(array, site, isGiven ? 0 : 1, (entry, index) => set(run(fn, undefined, [get(), entry, index, array]))),
    );
  },
  slice: ({ array, values: [from, to], site }) => sliced(array, from, to, site),
  toReversed: ({ array, site }) => reversed(array, site),
  reverse: ({ array, site }) => changed(array, reversed(array, site)),
  fill: ({ array, values: [value, from, to], site }) =>
    replaceEntries(array, site, range(array, from, to, site), value),
  with({ array, values: [index, value], site }) {
    const copy = fresh(array.slice());
    const at = boundary(array, index, 0, site);
    if (writesEntry(copy, at)) writeEntry(copy, at, value, site);
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
    const end = values.length < 2 ? undefined : binary('+', start, math('max', [count, 0], site), site);
    const taken = sliced(array, start, end, site);
    const behind = end === undefined ? [] : sliced(array, end, undefined, site);
    changed(array, sliced(array, 0, start, site).concat(items, behind));
    return taken;
  },
};

/** The first or last entry, or undefined where the array is empty. */
function endOf(array: readonly unknown[], index: 0 | -1, site: Site): unknown {
  const isNeverEmpty = array.some((item) => !(item instanceof GraphEntries));
  if (isNeverEmpty) return entryOf(array, index);
  return conditional(
    binary('>', lengthOf(array), 0, site),
    () => entryOf(array, index),
    () => undefined,
    null,
    site,
  );
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

function foundIndex(asked: Asked): unknown {
  const { site } = asked;
  return folded(asked, -1, (before, called, index) =>
    conditional(
      binary('>=', before, 0, site),
      () => before,
      () =>
        conditional(
          called(),
          () => index,
          () => -1,
          null,
          site,
        ),
      null,
      site,
    ),
  );
}

/** Whether an entry is what is looked for. NaN is found, too. */
function isSameValue(entry: unknown, { values: [wanted], site }: Asked): unknown {
  const isNotANumber = (value: unknown) => binary('!==', value, value, site);
  return or(binary('===', entry, wanted, site), () => and(isNotANumber(entry), () => isNotANumber(wanted), site), site);
}
