import { activeBuilder } from '../tracing/builder.ts';
import { checkGetters } from './user-objects.ts';

/** A call: the function, its receiver and its arguments. */
export interface Call {
  readonly fn: object;
  readonly receiver: unknown;
  readonly values: readonly unknown[];
}

const bound = new WeakMap<object, Call>();

/** Remembers the call that a bound function makes. */
export function keepBound(fn: object, of: Call): void {
  bound.set(fn, of);
}

/** The call that is meant by `fn.call(…)`, `fn.apply(…)`, `Reflect.apply(fn, …)` or the call of a bound function. */
export function resolveCall(call: Call): Call {
  const { fn, receiver, values } = call;
  const [first, second, third] = values;
  if (fn === Function.prototype.call && isFunction(receiver)) {
    return resolveCall({ fn: receiver, receiver: first, values: values.slice(1) });
  }
  if (fn === Function.prototype.apply && isFunction(receiver)) {
    return resolveCall({ fn: receiver, receiver: first, values: listOf(second) });
  }
  if (fn === Reflect.apply && isFunction(first)) {
    return resolveCall({ fn: first, receiver: second, values: listOf(third) });
  }
  const of = bound.get(fn);
  return of ? resolveCall({ ...of, values: [...of.values, ...values] }) : call;
}

function isFunction(value: unknown): value is object {
  return typeof value === 'function';
}

/** The argument of `apply`: an array, or an object like one. */
function listOf(values: unknown): readonly unknown[] {
  if (values === undefined || values === null) return [];
  const target = activeBuilder();
  if (target?.isRecording) checkGetters(values, target.site);
  return Array.from(values as ArrayLike<unknown>);
}
