import { TraceError } from '../errors.ts';
import { guess, nearest } from '../nearest.ts';
import { PROBED_NAMES } from '../probed-names.ts';
import { callerSite } from './caller.ts';

/** Members that only the tensors of a finished run have. */
const OF_RESULTS = new Set(['data', 'dims', 'item', 'toArray', 'raw']);

/** The members that tensors have by name. */
function members(tensor: object): string[] {
  const names: string[] = [];
  for (let at = Object.getPrototypeOf(tensor); at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    names.push(...Object.getOwnPropertyNames(at));
  }
  return names;
}

/** A traced tensor is asked for a member that it does not have. */
export function missingMember(tensor: object, name: string): undefined {
  if (PROBED_NAMES.has(name) || name.startsWith('_') || name.startsWith('@')) return undefined;
  if (OF_RESULTS.has(name)) {
    throw new TraceError(
      `'${name}' is read of a traced tensor, which has no value before the model runs. Return it from the block with save(), and read '${name}' of what the trace gives${name === 'dims' ? '; in the block there is shape' : ''}.`,
      callerSite(),
    );
  }
  if (name === 'length') {
    throw new TraceError(
      "'length' of a traced tensor is read in code that was not compiled. Write shape[0], or put the directive 'use trace' at the top of the function.",
      callerSite(),
    );
  }
  throw new TraceError(`A traced tensor has no member '${name}'${guess(nearest(name, members(tensor)))}`, callerSite());
}
