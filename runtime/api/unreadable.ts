import { TraceError } from '../errors.ts';
import { callerSite } from '../tracing/caller.ts';

/** Stands in a result for an output that cannot be had: of texts, a sequence. The others are there. */
export class Unreadable {
  /** What it is, and why it cannot be read. */
  readonly why: string;

  constructor(why: string) {
    this.why = why;
  }

  /** The property of the result: who reads it finds out there. */
  get property(): PropertyDescriptor {
    const { why } = this;
    return {
      get() {
        throw new TraceError(why, callerSite());
      },
      enumerable: true,
      configurable: true,
    };
  }
}
