import { TraceError } from '../errors.ts';
import type { Site } from '../graph/types.ts';
import { isFilled, ListSegment } from '../tracing/lists.ts';
import { getitem } from './access.ts';
import type { Call } from './indirect-calls.ts';
import { isIntrinsic } from './intrinsics.ts';

/** Functions of JavaScript that keep entries as they are, however many there will be. */
const KEEPING: ReadonlySet<unknown> = new Set<unknown>([
  Array.prototype.push,
  Array.prototype.unshift,
  Array.prototype.concat,
  Array.isArray,
  Map.prototype.set,
  Set.prototype.add,
]);

/** What a call gives that is about an array which a branch or loop of the graph filled; null if it is about none. */
export function callOnFilled({ fn, receiver, values }: Call, site: Site): { readonly result: unknown } | null {
  const isAbout = isFilled(receiver) || values.some((value) => isFilled(value) || value instanceof ListSegment);
  if (!isAbout || !isIntrinsic(fn) || KEEPING.has(fn)) return null;
  if (fn === Array.prototype.at) return { result: getitem(receiver, values[0], site) };
  const { name } = fn as { name: string };
  throw new TraceError(
    `${name}() is called with an array that a branch or loop of the graph filled: how many entries it has is known only when the model runs. Go through them with for…of, read them by index, or use stack() and the functions of tensors.`,
    site,
  );
}
