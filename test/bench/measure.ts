import { setTimeout as sleep } from 'node:timers/promises';

/** A number that was measured several times: the middle one, and where the middle half of them lies. */
export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** Two things measured in turns: entries at the same place are neighbours in time. */
export interface Turns<T> {
  readonly ours: T[];
  readonly plain: T[];
}

/** How long to go on measuring. */
export interface Effort {
  /** The fewest turns, however long they take. */
  readonly least: number;
  readonly most: number;
  /** Milliseconds after which no further turn begins. */
  readonly milliseconds: number;
}

/** How long to go on, and how many milliseconds a turn lasts. */
export interface RepeatedEffort extends Effort {
  readonly moment: number;
}

/** The threads of a plain session go on spinning for up to 90 ms when a run has ended: they must not disturb the next. */
const PAUSE = 100;

/** Measures two things in turns. Who goes first changes, so that a machine that gets slower favours neither. */
export async function inTurns<T>(
  ours: () => Promise<T>,
  plain: () => Promise<T>,
  { least, most, milliseconds }: Effort,
): Promise<Turns<T>> {
  const turns: Turns<T> = { ours: [], plain: [] };
  const end = performance.now() + milliseconds;
  for (let i = 0; i < most && (i < least || performance.now() < end); i++) {
    const pair = [async () => turns.ours.push(await ours()), async () => turns.plain.push(await plain())];
    for (const next of i % 2 === 0 ? pair : pair.reverse()) {
      await next();
      await sleep(PAUSE);
    }
  }
  return turns;
}

/**
 * Measures two things that are repeated, in milliseconds a run: each turn runs one of them again and again for a moment,
 * as a sweep does. A processor that rested is slow at first.
 */
export function repeatInTurns(
  ours: () => Promise<unknown>,
  plain: () => Promise<unknown>,
  effort: RepeatedEffort,
): Promise<Turns<number>> {
  return inTurns(
    () => inARow(ours, effort.moment),
    () => inARow(plain, effort.moment),
    effort,
  );
}

async function inARow(run: () => Promise<unknown>, moment: number): Promise<number> {
  const start = performance.now();
  for (let runs = 1; ; runs++) {
    await run();
    const passed = performance.now() - start;
    if (passed >= moment) return passed / runs;
  }
}

/** How long something takes, in milliseconds. */
export async function time(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return performance.now() - start;
}

/** How many times longer, or larger, ours is: neighbours in time are compared, so that a slow moment counts for both. */
export function ratio({ ours, plain }: Turns<number>): Spread {
  return spread(ours.map((value, i) => value / plain[i]!));
}

export function spread(values: readonly number[]): Spread {
  return { median: median(values), low: quantile(values, 0.25), high: quantile(values, 0.75) };
}

export const median = (values: readonly number[]) => quantile(values, 0.5);

function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const place = (sorted.length - 1) * part;
  const [below, above] = [sorted[Math.floor(place)]!, sorted[Math.ceil(place)]!];
  return below + (above - below) * (place % 1);
}
