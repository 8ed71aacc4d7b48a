import { TraceError } from '../errors.ts';
import type { Site } from '../graph/types.ts';
import { guess, nearest } from '../nearest.ts';
import { PROBED_NAMES } from '../probed-names.ts';
import { callerSite } from '../tracing/caller.ts';
import { close } from '../tracing/closed-objects.ts';
import type { Traced } from '../types/tensor.ts';

/** What a debugger asks any object for, to find out whether to show it as an array. */
const ASKED_BY_DEBUGGERS = 'splice';

/** The parameters as the block of an intervention gets them: reading one that was not declared is an error at its line. */
export function declaredParameters(
  parameters: readonly (readonly [string, Traced])[],
): Readonly<Record<string, Traced>> {
  const names = parameters.map(([name]) => name);
  const refuse = (name: string, site: Site | null): never => {
    const declared = [...names, name].map((one) => `${one}: …`).join(', ');
    throw new TraceError(
      `${noParameter(name, names)} To have it, declare it: intervention({ ${declared} }, …).`,
      site ?? callerSite(),
    );
  };
  // for code that is not compiled; the object itself stays a plain one, whose properties are its own
  const others = new Proxy(Object.prototype, {
    get(target, name, receiver) {
      const isProbed = typeof name === 'symbol' || PROBED_NAMES.has(name) || name === ASKED_BY_DEBUGGERS;
      if (isProbed || name in target) return Reflect.get(target, name, receiver);
      return refuse(name, null);
    },
  });
  const given = Object.assign(Object.create(others), Object.fromEntries(parameters));
  close(given, refuse);
  return given;
}

/** The message for a name that no parameter has. */
export function noParameter(name: string, names: readonly string[]): string {
  const guessed = guess(nearest(name, names));
  return `The intervention has no parameter '${name}'${guessed || '.'} It has ${names.join(', ') || 'none'}.`;
}
