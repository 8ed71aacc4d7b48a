import { TraceError } from '../errors.ts';
import type { Site } from '../graph/types.ts';
import { GraphEntries, guardEntries, isFilled } from '../tracing/lists.ts';
import { entryOf } from './access.ts';
import type { Call } from './indirect-calls.ts';
import { isIntrinsic } from './intrinsics.ts';

/** Functions of JavaScript that store entries unchanged, however many there will be. */
const KEEPING: ReadonlySet<unknown> = new Set<unknown>([
  Array.prototype.push,
  Array.prototype.unshift,
  Array.prototype.concat,
  Array.isArray,
  Map.prototype.set,
  Set.prototype.add,
]);

/** The result of a call on an array that a branch or loop of the graph filled; null for any other call. */
export function callOnFilled({ fn, receiver, values }: Call, site: Site): { readonly result: unknown } | null {
  const isAbout = isFilled(receiver) || values.some((value) => isFilled(value) || value instanceof GraphEntries);
  if (!isAbout) return null;
  for (const value of values) if (isFilled(value)) guardEntries(value);
  if (!isIntrinsic(fn) && values.some((value) => value instanceof GraphEntries)) throw spread(site);
  if (!isIntrinsic(fn) || KEEPING.has(fn)) return null;
  if (fn === Array.prototype.at) return { result: entryOf(receiver as readonly unknown[], values[0]) };
  const { name } = fn as { name: string };
  throw new TraceError(
    `${name}() is called with an array that a branch or loop of the graph filled: how many entries it has is known only when the model runs. Go through them with for…of, read them by index, or use stack() and the functions of tensors.`,
    site,
  );
}

function spread(site: Site): TraceError {
  return new TraceError(
    'The entries of an array that a branch or loop of the graph filled are given to a function one by one: how many there are is known only when the model runs. Give it the array.',
    site,
  );
}
