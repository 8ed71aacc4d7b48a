import { TraceError } from '../errors.ts';
import type { Site } from '../graph/types.ts';
import { isOurs } from '../tracing/harmless.ts';
import { isIntrinsic } from './intrinsics.ts';
import { isTraced } from './is-traced.ts';

/** Whether an iterator is over, by what its `next()` gave. @throws TraceError where only the run would know */
export function isLast({ done }: IteratorResult<unknown>, site: Site): boolean {
  if (!isTraced(done)) return Boolean(done);
  throw new TraceError(
    'An iterator says by a traced value whether it is over (done), but JavaScript has to know it now. Go through all values, and leave the loop on the condition: if (condition) break.',
    site,
  );
}

/** What JavaScript itself goes through: an iterator of the program's own is watched for how it says that it is over. */
export function withKnownEnd(values: unknown, site: Site): unknown {
  const iterate = Array.isArray(values) ? undefined : (Object(values) as Partial<Iterable<unknown>>)[Symbol.iterator];
  if (typeof iterate !== 'function' || isIntrinsic(iterate) || isOurs(iterate)) return values;
  return { [Symbol.iterator]: () => watched(Reflect.apply(iterate, values, []) as Iterator<unknown>, site) };
}

const TypedArray: Float32ArrayConstructor = Object.getPrototypeOf(Float32Array);

/** What of JavaScript's own goes through its first argument. */
const ITERATING: ReadonlySet<unknown> = new Set([
  ...[Array.from, TypedArray.from, Object.fromEntries, Reflect.get(Object, 'groupBy'), Reflect.get(Map, 'groupBy')],
  ...[Map, Set, WeakMap, WeakSet],
  ...[Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array],
  ...[Float32Array, Float64Array, BigInt64Array, BigUint64Array],
]);

/** The arguments of a function or class, which is about to be called: what it goes through is watched. */
export function withKnownEnds(fn: unknown, values: readonly unknown[], site: Site): readonly unknown[] {
  return ITERATING.has(fn) ? [withKnownEnd(values[0], site), ...values.slice(1)] : values;
}

function watched(iterator: Iterator<unknown>, site: Site): Iterator<unknown> {
  const checked = (result: IteratorResult<unknown>) => {
    isLast(result, site);
    return result;
  };
  const { return: leave, throw: fail } = iterator;
  return {
    next: (...given: [] | [unknown]) => checked(iterator.next(...(given as []))),
    ...(leave && { return: (value?: unknown) => checked(Reflect.apply(leave, iterator, [value])) }),
    ...(fail && { throw: (error?: unknown) => checked(Reflect.apply(fail, iterator, [error])) }),
  };
}
