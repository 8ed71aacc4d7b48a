import { checkOptions, type OptionKinds } from '../api/options.ts';
import { TraceError } from '../errors.ts';
import { callerSite } from '../tracing/caller.ts';

/**
 * Checks options of which some have to be given.
 * @throws TraceError at the user's line
 */
export function checkGiven<T extends object>(
  call: string,
  given: T,
  kinds: OptionKinds<T>,
  needed: readonly (keyof T & string)[],
): void {
  checkOptions(call, given, kinds);
  const missing = needed.find((name) => given?.[name] === undefined);
  if (missing !== undefined) throw new TraceError(`${call} needs ${missing}: ${kinds[missing].text}.`, callerSite());
}
