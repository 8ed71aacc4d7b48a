import { TraceError } from '../errors.ts';
import type { Value } from '../graph/types.ts';
import { callerSite } from './caller.ts';
import { ours } from './harmless.ts';

/** A step of a generation. */
export interface Step {
  readonly index: number;
  /** Whether the generation gets there (bool, no dimensions); null: it does. */
  readonly reached: Value | null;
}

/**
 * Steps of a generation, one after the other. How many there will be is not known before the model runs, where the
 * generation may end early: compiled for…of asks `steps` and makes each iteration depend on it, all else is an error.
 */
export class StepRange implements IterableIterator<number> {
  readonly steps: Iterator<Step, undefined>;

  constructor(steps: Iterator<Step, undefined>) {
    this.steps = steps;
  }

  next(): IteratorResult<number> {
    const { done, value } = this.steps.next();
    if (done) return { done, value: undefined };
    if (!value.reached) return { done: false, value: value.index };
    throw new TraceError(
      `The steps of a generation are gone through by a function that was not compiled, or are put into an array, but whether there is a step ${value.index} is known only when the model runs, as a stop token may come before. Go through them with for…of, or give stopTokens: [].`,
      callerSite(),
    );
  }

  return(): IteratorResult<number> {
    this.steps.return?.();
    return { done: true, value: undefined };
  }

  [Symbol.iterator](): this {
    return this;
  }
}
ours(StepRange);
