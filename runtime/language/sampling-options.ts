import { inspect } from 'node:util';
import { TraceError } from '../errors.ts';
import { callerSite } from '../tracing/caller.ts';

/** How the next token is chosen from its logits. */
export interface SamplingOptions {
  /** Draw at random (true) or take the likeliest token (false, if not given). */
  readonly doSample?: boolean;
  /** The divisor of the logits, at least 0: below 1 bolder, above 1 more varied; 0 takes the likeliest token. */
  readonly temperature?: number;
  /** Draw among so many of the likeliest tokens (those equal to the last of them stay too); 0 means no limit. */
  readonly topK?: number;
  /** Draw among the fewest tokens whose probabilities reach this sum, above 0 and up to 1. */
  readonly topP?: number;
  /** Divides the logits of tokens that are already there (multiplies negative ones); above 0, 1 changes nothing. */
  readonly repetitionPenalty?: number;
  /** A whole number: the same seed draws the same tokens. Without it each run differs. */
  readonly seed?: number;
}

/** Throws a `TraceError` at the user's line for an impossible option of sampling. */
export function checkSampling(options: SamplingOptions): void {
  const { temperature, topK, topP, repetitionPenalty, seed } = options;
  check('temperature', temperature, 'a number from 0 on', (value) => value >= 0 && value < Infinity);
  check('topK', topK, 'a whole number from 0 on', (value) => Number.isInteger(value) && value >= 0);
  check('topP', topP, 'a number above 0 and up to 1', (value) => value > 0 && value <= 1);
  check('repetitionPenalty', repetitionPenalty, 'a number above 0', (value) => value > 0 && value < Infinity);
  check('seed', seed, 'a whole number', Number.isSafeInteger);
}

function check(name: string, value: unknown, expected: string, holds: (value: number) => boolean): void {
  if (value === undefined || (typeof value === 'number' && holds(value))) return;
  throw new TraceError(`The option ${name} is ${inspect(value)}, but ${expected} is expected.`, callerSite());
}
