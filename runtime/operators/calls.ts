import { inspect } from 'node:util';
import { formatSite } from '../graph/site.ts';
import type { Site } from '../graph/types.ts';
import { activeBuilder } from '../tracing/builder.ts';
import { builtin } from './builtins.ts';
import { checkKeys, checkLength } from './keys.ts';
import { native } from './plain-values.ts';

/** `fn(…values)`, with `receiver` as its `this`. */
export function call(fn: unknown, receiver: unknown, values: readonly unknown[], site: Site): unknown {
  if (typeof fn !== 'function') throw notCallable(fn, 'a function', site);
  at(values, site);
  const meaning = builtin(fn);
  return meaning ? meaning(receiver, values, site) : Reflect.apply(fn, receiver, values);
}

/** `new type(…values)` */
export function construct(type: unknown, values: readonly unknown[], site: Site): unknown {
  if (typeof type !== 'function') throw notCallable(type, 'a constructor', site);
  at(values, site);
  if (type === Array && values.length === 1) checkLength('new Array()', values[0], site);
  if (type === Boolean || type === Number || type === String) native(`new ${type.name}`, values, site);
  const made: unknown = Reflect.construct(type, values);
  if (activeBuilder()) checkKeys(made, site);
  return made;
}

/** The arguments of a call, which is about to happen at `site`. */
export function at(values: readonly unknown[], site: Site): readonly unknown[] {
  const target = activeBuilder();
  if (target) target.site = site;
  return values;
}

/** The kind of error that JavaScript throws itself. */
function notCallable(value: unknown, wanted: string, site: Site): TypeError {
  return new TypeError(`${formatSite(site)} - ${inspect(value, { depth: 0 })} is not ${wanted}`);
}
