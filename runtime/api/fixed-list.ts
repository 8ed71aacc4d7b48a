import { TraceError } from '../errors.ts';
import { guess, nearest } from '../nearest.ts';
import { ownProxy } from '../own-proxies.ts';
import { PROBED_NAMES } from '../probed-names.ts';
import { activeBuilder } from '../tracing/builder.ts';
import { callerSite } from '../tracing/caller.ts';

/**
 * An array whose indices are checked, and may count from the end. Setting an entry would do nothing, so it is an error.
 * @param names those of the entries, if they have names: each is a key, too, unless arrays have it themselves
 */
export function fixedList<T>(items: T[], name: string, names: readonly string[] = []): T[] {
  return ownProxy(items, {
    has: (target, key) => key in target || names.includes(String(key)),
    get(target, key, receiver) {
      if (typeof key !== 'string' || key in target) return Reflect.get(target, key, receiver);
      if (names.includes(key)) return target[names.indexOf(key)];
      if (!/^-?\d+$/.test(key)) {
        if (names.length === 0 || PROBED_NAMES.has(key)) return undefined;
        throw new TraceError(
          `${name} has no '${key}'${guess(nearest(key, names)) || `: the names are ${names.join(', ')}.`}`,
          callerSite() ?? activeBuilder()?.site,
        );
      }
      const { length } = target;
      const index = Number(key) < 0 ? Number(key) + length : Number(key);
      if (index in target) return target[index];
      throw new TraceError(
        `There is no ${name}[${key}]: ${name} has ${length} ${length === 1 ? 'entry' : 'entries'}, so its indices run from ${-length} to ${length - 1}.`,
        callerSite() ?? activeBuilder()?.site,
      );
    },
    set(_, key) {
      const remedy = /(in|out)puts$/.test(name)
        ? `Set all of them: ${name} = […].`
        : 'Set .output or .input of an entry.';
      throw new TraceError(
        `${name}[${String(key)}] cannot be set: the array is made anew whenever it is read. ${remedy}`,
        activeBuilder()?.site ?? callerSite(),
      );
    },
  });
}
