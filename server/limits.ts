import { UsageError } from './usage-error.ts';

/** What users may ask of a server. The usual limits hold on a machine of 4 GB. */
export interface Limits {
  /** Seconds that a trace may run: 60 unless given. */
  readonly time: number;
  /** Bytes of memory of each model's process, the model among them: 1.5 GiB unless given. */
  readonly memory: number;
  /** Elements of any tensor that an operation makes out of fewer, where the sizes are given: 2^26 unless given. */
  readonly elements: number;
  /** How often the body of a loop runs: 100,000 times unless given. */
  readonly iterations: number;
  /** Nodes of a graph, and its saves: 32,768 unless given. */
  readonly nodes: number;
  /** Bytes of a request: 64 MiB unless given. */
  readonly bytesIn: number;
  /** Bytes of an answer: 64 MiB unless given. */
  readonly bytesOut: number;
  /** Models in memory at once: 2 unless given. Further ones take the place of that which was not used for the longest time. */
  readonly models: number;
  /** Requests of a user, or of an address where there are no tokens, in a minute: 600 unless given. */
  readonly requests: number;
  /** Jobs of a user, or of all who have no tokens, that wait or run at once: 100 unless given. */
  readonly jobs: number;
  /** Jobs that wait for a model: 100 unless given. */
  readonly waiting: number;
  /** Bytes of requests that wait, and of answers that are kept, of each: 256 MiB unless given. */
  readonly kept: number;
  /** Seconds that a trace goes on whose client is gone, so that it can come back: 10 unless given. */
  readonly reconnect: number;
  /** Seconds after which the jobs of a worker that was killed go to another one: 30 unless given. */
  readonly lock: number;
}

export const USUAL_LIMITS: Limits = {
  time: 60,
  memory: 1.5 * 2 ** 30,
  elements: 2 ** 26,
  iterations: 100_000,
  nodes: 2 ** 15,
  bytesIn: 2 ** 26,
  bytesOut: 2 ** 26,
  models: 2,
  requests: 600,
  jobs: 100,
  waiting: 100,
  kept: 2 ** 28,
  reconnect: 10,
  lock: 30,
};

/** Limits, completed by the usual ones. Throws a UsageError for one that there is not, or that is no number above 0. */
export function checkLimits(given: Readonly<Record<string, number>>): Limits {
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(USUAL_LIMITS, name)) {
      throw new UsageError(`There is no limit '${name}': the limits are ${Object.keys(USUAL_LIMITS).join(', ')}.`);
    }
    if (!(Number.isFinite(value) && value > 0))
      throw new UsageError(`The limit ${name} is a number above 0, not ${value}.`);
  }
  return { ...USUAL_LIMITS, ...given };
}
