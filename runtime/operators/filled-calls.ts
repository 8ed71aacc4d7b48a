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

/** The error for a call that has to know how many entries there are. */
export function unfollowed(what: string, site: Site): TraceError {
  return new TraceError(
    `${what} is called with an array that a branch or loop of the graph filled: how many entries it has is known only when the model runs. Go through them with for…of, read them by index, or use stack() and the functions of tensors.`,
    site,
  );
}
