import { TraceError } from '../errors.ts';
import type { Site } from '../graph/types.ts';
import { builder } from '../tracing/builder.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import { ArraySlot } from '../tracing/slots.ts';
import { settled, varyingOf } from '../tracing/varying.ts';
import { binary } from './binary.ts';
import { fresh } from './blocks.ts';
import { conditional } from './conditionals.ts';
import { type Asked, checkWhole } from './filled-calls.ts';
import { isFilledHere } from './filled-here.ts';
import { collected, folding, through } from './filled-loops.ts';
import { changed } from './filled-ranges.ts';
import { entryOf } from './filled-reads.ts';
import { positionOf } from './filled-search.ts';

/** `array.sort(compare)` */
export function sort(asked: Asked): unknown[] {
  const { array } = asked;
  if (!isFilledHere(array)) builder().note(ArraySlot.of(builder(), array));
  return plainly(array, asked) ?? changed(array, sorted(asked));
}

/** `array.toSorted(compare)` */
export function toSorted(asked: Asked): unknown[] {
  return plainly(fresh(asked.array.slice()), asked) ?? sorted(asked);
}

/** What a comparison gives that only the run knows. */
const OPEN = Symbol('open');

/** Sorts as JavaScript does; null, with the array as it was, where a comparison depends on the run. */
function plainly(array: unknown[], { values: [fn], site, run }: Asked): unknown[] | null {
  const isFilled: boolean = isFilledHere(array);
  if (isFilled) return null;
  if (fn === undefined) return array.some(isOpen) ? null : array.sort();
  if (typeof fn !== 'function') return array.sort(fn as never);
  let hasEffects = false;
  const compare = (a: unknown, b: unknown): number => {
    const { result, isPure } = ordered(() => run(fn, undefined, [a, b]));
    hasEffects ||= !isPure;
    if (!isOpen(result)) return result as number;
    if (hasEffects) throw counted(site);
    throw OPEN;
  };
  try {
    return array.sort(compare);
  } catch (error) {
    if (error === OPEN) return null;
    throw error;
  }
}

function isOpen(value: unknown): boolean {
  const one = settled(value);
  return one instanceof TensorProxy || varyingOf(one) !== null;
}

/** Each entry goes to the place that the number of entries before it tells. Equal ones keep their order. */
function sorted({ array, values: [fn], site, run }: Asked): unknown[] {
  if (fn === undefined) throw byText(site);
  checkWhole(array, 'sort()', site);
  const isMissing = (item: unknown) => settled(item) === undefined;
  const items = array.filter((item) => !isMissing(item));
  const goesBefore = (later: unknown, earlier: unknown): unknown => {
    const { result, isPure } = ordered(() => run(fn, undefined, [later, earlier]));
    if (!isPure) throw counted(site);
    return binary('<', result, 0, site);
  };
  const choose = (test: unknown, a: () => unknown, b: () => unknown) => conditional(test, a, b, null, site);
  /** 1 if the other entry comes before this one, else 0. */
  const isBefore = (other: unknown, at: unknown, entry: unknown, index: unknown) =>
    choose(
      binary('<', at, index, site),
      () =>
        choose(
          goesBefore(entry, other),
          () => 0,
          () => 1,
        ),
      () =>
        choose(
          binary('>', at, index, site),
          () =>
            choose(
              goesBefore(other, entry),
              () => 1,
              () => 0,
            ),
          () => 0,
        ),
    );
  const place = (entry: unknown, index: unknown) =>
    folding(0, (get, set) =>
      through(items, site, 0, (other, at) => set(binary('+', get(), isBefore(other, at, entry, index), site))),
    );
  const places = collected((add) => through(items, site, 0, (entry, index) => add(place(entry, index))));
  const taken = collected((add) =>
    through(items, site, 0, (_, index) => add(entryOf(items, positionOf(places, index, site), site))),
  );
  return taken.concat(array.filter(isMissing));
}

/** Calls a function that is to change nothing. */
function ordered(run: () => unknown): { readonly result: unknown; readonly isPure: boolean } {
  let result: unknown;
  const changes = builder().watch(() => {
    result = run();
  }, []);
  return { result, isPure: changes.length === 0 };
}

function counted(site: Site): TraceError {
  return new TraceError(
    'sort() is given a function that compares traced values and changes something, too: how often it is called depends on how JavaScript sorts. Let it only compare.',
    site,
  );
}

function byText(site: Site): TraceError {
  return new TraceError(
    'sort() without a function compares texts, so that 10 comes before 9, and a traced number has none before the model runs. Write sort((a, b) => a - b).',
    site,
  );
}
