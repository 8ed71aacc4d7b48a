import { TraceError } from '../errors.ts';
import { guess, nearest } from '../nearest.ts';
import { PROBED_NAMES } from '../probed-names.ts';
import { close } from '../tracing/closed-objects.ts';

/** In compiled code a member that an object of the library does not have is an error at its line. */
export function closeMembers(object: object, called: string): void {
  const has = (name: string): boolean => name in object || PROBED_NAMES.has(name);
  close(
    object,
    (name, site) => {
      const names = membersOf(object);
      throw new TraceError(
        `${called} has no member '${name}'${guess(nearest(name, names)) || `. It has ${names.join(', ')}.`}`,
        site,
      );
    },
    has,
  );
}

function membersOf(object: object): readonly string[] {
  const names: string[] = Object.keys(object);
  for (let at = Object.getPrototypeOf(object); at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    names.push(...Object.getOwnPropertyNames(at));
  }
  return [...new Set(names)].filter((name) => name !== 'constructor');
}
