import type { Site } from '../graph/types.ts';
import { builder } from '../tracing/builder.ts';
import type { Slot } from '../tracing/journal.ts';
import { GraphEntries } from '../tracing/lists.ts';
import { ArraySlot } from '../tracing/slots.ts';
import { binary } from './binary.ts';
import { fresh } from './blocks.ts';
import { if_ } from './conditionals.ts';
import { entryAt } from './filled-entries.ts';
import { changedMeanwhile, isUnchanged } from './going-through.ts';
import { graphLoop } from './graph-loops.ts';
import { math } from './math.ts';

/**
 * Goes through the entries from the first or second on: a loop of the graph goes through those that only the run knows.
 * @param ofHoles whether where there is no entry is gone to, too
 */
export function through(
  array: readonly unknown[],
  site: Site,
  from: 0 | 1,
  use: (entry: unknown, index: unknown) => void,
  ofHoles = false,
): void {
  let before: unknown = 0;
  /** How many entries are still to be passed over: those that the run fills may turn out to be none. */
  let skipped: unknown = from;
  unchanged(array, site, (parts) => {
    for (const [position, part] of parts.entries()) {
      const [start, over] = [before, skipped];
      if (!ofHoles && !(position in parts)) {
        before = binary('+', start, 1, site);
        continue;
      }
      if (!(part instanceof GraphEntries)) {
        if (over !== 1) if_(binary('===', over, 0, site), () => void use(part, start), null, null, site);
        skipped = 0;
        before = binary('+', start, 1, site);
        continue;
      }
      before = binary('+', start, part.length(), site);
      countTo(binary('-', part.length(), over, site), site, (i) => {
        const index = binary('+', i, over, site);
        use(entryAt(part, index as never), binary('+', start, index, site));
      });
      if (over !== 0) skipped = math('max', [binary('-', over, part.length(), site), 0], site);
    }
  });
}

/**
 * Goes through a copy of an array.
 * @throws TraceError if the array is changed meanwhile: JavaScript would go on with what it has become
 */
export function unchanged<T>(array: readonly unknown[], site: Site, go: (parts: readonly unknown[]) => T): T {
  const parts = array.slice();
  const result = go(parts);
  if (isUnchanged(array, parts)) return result;
  throw changedMeanwhile(site);
}

/** A loop over as many positions as the run will tell. */
export function countTo(trip: unknown, site: Site, body: (index: unknown) => void): void {
  const target = builder();
  target.site = site;
  graphLoop(target, {
    trip: trip as never,
    test: null,
    body: (index) => void body(index),
    update: null,
    state: null,
    site,
    label: null,
  });
}

/** An array of what `fill` adds. */
export function collected(fill: (add: (value: unknown) => void) => void): unknown[] {
  const out: unknown[] = fresh([]);
  fill((value) => {
    builder().note(ArraySlot.of(builder(), out));
    out.push(value);
  });
  return out;
}

/** What a value has become in the end. */
export function folding(start: unknown, run: (get: () => unknown, set: (value: unknown) => void) => void): unknown {
  let value = start;
  const slot: Slot = fresh({
    name: 'what is kept from entry to entry',
    get: () => value,
    set: (next: unknown) => {
      value = next;
    },
  });
  run(
    () => value,
    (next) => {
      builder().note(slot);
      value = next;
    },
  );
  return value;
}
