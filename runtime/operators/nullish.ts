import type { Site } from '../graph/types.ts';
import { activeBuilder } from '../tracing/builder.ts';
import { asked } from '../tracing/doubtful.ts';
import type { State } from '../tracing/slots.ts';
import { settled, uses, varies, varyingOf } from '../tracing/varying.ts';
import { conditional } from './conditionals.ts';
import type { Truth } from './truth.ts';

type Test = (value: unknown) => boolean;

const isNullish: Test = (value) => value === undefined || value === null;
const isMissing: Test = (value) => value === undefined;

/** `a ?? b` */
export function coalesce(a: unknown, b: () => unknown, site: Site, state: State | null = null): unknown {
  return choose(a, isNullish, b, (value) => value, site, state);
}

/** `a?.b`, `a?.[k]`, `a?.(x)`: `use` is what comes after the `?.`, `short` what there is without a value. */
export function optional(
  a: unknown,
  use: (value: unknown) => unknown,
  site: Site,
  state: State | null = null,
  short: unknown = undefined,
): unknown {
  return choose(a, isNullish, () => short, use, site, state);
}

/** What a parameter or a part of a pattern is given, or its default value. */
export function given(value: unknown, byDefault: () => unknown, site: Site, state: State | null = null): unknown {
  return choose(value, isMissing, byDefault, (one) => one, site, state);
}

/** A part of a pattern with a default value that is assigned to: `[o.p = 1] = values`. */
export function assigned(set: (value: unknown) => void, byDefault: () => unknown, site: Site): { value: unknown } {
  return {
    get value() {
      return undefined;
    },
    set value(value) {
      set(given(value, byDefault, site));
    },
  };
}

/** A value of which JavaScript itself finds out whether there is one. @throws TraceError where that depends on the run */
export function sure<T>(value: T, site: Site): T {
  const one = settled(value) as T;
  const varying = varyingOf(one);
  if (!varying?.cases.some((each) => isNullish(each.value))) return one;
  varying.builder.site = site;
  throw varies(varying);
}

/** Does one thing where a value is missing, another where it isn't. */
function choose(
  of: unknown,
  test: Test,
  none: () => unknown,
  some: (value: unknown) => unknown,
  site: Site,
  state: State | null,
): unknown {
  const target = activeBuilder();
  if (target) target.site = site;
  const value = asked(settled(of));
  const varying = varyingOf(value);
  if (!varying) return test(value) ? none() : some(value);
  const isNone = uses.distribute(varying, test) as Truth;
  return conditional(isNone, none, () => some(settled(value)), state, site);
}
