import { TraceError } from '../errors.ts';
import { ownProxy } from '../own-proxies.ts';
import { activeBuilder } from '../tracing/builder.ts';
import { callerSite } from '../tracing/caller.ts';

/** An array whose indices are checked, and may count from the end. Setting an entry would do nothing, so it is an error. */
export function fixedList<T>(items: T[], name: string): T[] {
  return ownProxy(items, {
    get(target, key, receiver) {
      if (typeof key !== 'string' || !/^-?\d+$/.test(key)) return Reflect.get(target, key, receiver);
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
