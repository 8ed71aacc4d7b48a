import { TraceError } from '../errors.ts';
import { unknownOption } from '../nearest.ts';
import { callerSite } from '../tracing/caller.ts';
import { isPlainObject } from '../tracing/plain-object.ts';
import type { LoadOptions, TraceOptions } from '../types/model.ts';

/** The names of all options that a call takes: the compiler asks for each. */
export type OptionNames<T> = { readonly [K in keyof Required<T>]: true };

export const TRACE_OPTIONS: OptionNames<TraceOptions> = {
  backend: true,
  signal: true,
  reuse: true,
  onStats: true,
  onProgress: true,
};

export const LOAD_OPTIONS: OptionNames<LoadOptions> = {
  device: true,
  fuse: true,
  segmentation: true,
  maxIterations: true,
  rename: true,
  envoys: true,
  inputHooks: true,
};

/**
 * Checks that a call has the options that it is given: one that it does not have would be ignored.
 * @throws TraceError at the user's line
 */
export function checkOptions<T extends object>(call: string, given: T | undefined, names: OptionNames<T>): void {
  if (given === undefined) return;
  if (typeof given === 'function') {
    throw new TraceError(`${call} takes the block before the options: ${call}(…, () => { … }, options).`, callerSite());
  }
  if (!isPlainObject(given)) {
    throw new TraceError(`The options of ${call} are an object, not ${JSON.stringify(given)}.`, callerSite());
  }
  const wrong = unknownOption(call, given, Object.keys(names));
  if (wrong !== null) throw new TraceError(`${wrong}.`, callerSite());
}
