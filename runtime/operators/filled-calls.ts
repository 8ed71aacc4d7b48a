import { TraceError } from '../errors.ts';
import type { Site } from '../graph/types.ts';

export type Run = (fn: unknown, receiver: unknown, values: readonly unknown[]) => unknown;

/** A call of a method of an array that a branch or loop of the graph filled. */
export interface Asked {
  readonly array: unknown[];
  readonly values: readonly unknown[];
  readonly site: Site;
  /** Calls a function of the user's, or one of JavaScript. */
  readonly run: Run;
}

/** @throws TraceError for an array that has nothing at some positions, where more would have to be known of it */
export function checkWhole(array: readonly unknown[], name: string, site: Site): void {
  if (array.findIndex((_, index) => !(index in array)) < 0) return;
  throw new TraceError(
    `${name} depends on traced values, and the array has holes, where it has no entries. Fill it before: Array.from(array).`,
    site,
  );
}

/** The error for a call that has to know how many entries there are. */
export function unfollowed(what: string, site: Site): TraceError {
  return new TraceError(
    `${what} is called with an array that a branch or loop of the graph filled: how many entries it has is known only when the model runs. Go through them with for…of, read them by index, or use stack() and the functions of tensors.`,
    site,
  );
}
