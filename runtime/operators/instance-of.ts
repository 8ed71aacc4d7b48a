import { TraceError } from '../errors.ts';
import type { Site } from '../graph/types.ts';
import { isTraced } from './is-traced.ts';

/** `a instanceof type`; a class may say so itself. */
export function isInstance(a: unknown, type: unknown, site: Site): boolean {
  const test = ownTest(type);
  if (!test) return (a as object) instanceof (type as never);
  const is: unknown = Reflect.apply(test, type, [a]);
  if (isTraced(is)) throw ownTestError(site);
  return Boolean(is);
}

/** A class's own function by which JavaScript asks it; null if it has none. */
export function ownTest(type: unknown): ((value: unknown) => unknown) | null {
  const test: unknown = Object(type) === type ? Reflect.get(type as object, Symbol.hasInstance) : null;
  const isOwn = typeof test === 'function' && test !== Function.prototype[Symbol.hasInstance];
  return isOwn ? (test as (value: unknown) => unknown) : null;
}

export function ownTestError(site: Site): TraceError {
  return new TraceError(
    'instanceof asks a function of the class itself (Symbol.hasInstance) about a traced value, or gets one, and JavaScript makes a truth of it now. Call the function: Type.test(value).',
    site,
  );
}
