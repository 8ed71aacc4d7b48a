import { TraceError } from '../errors.ts';
import type { Site } from '../graph/types.ts';
import { GraphEntries, isFilled } from '../tracing/lists.ts';

/**
 * Refuses to set the length of an array that a branch or loop of the graph filled, or an element after its own ones:
 * which element that is, only the run tells.
 */
export function checkFilledWrite(object: unknown, key: unknown, site: Site | null): void {
  if (!isFilled(object) || typeof key === 'symbol') return;
  const own = object.findIndex((item) => item instanceof GraphEntries);
  if (key === 'length') throw refusal('The length', 0, site);
  if (Number.isInteger(Number(key)) && Number(key) >= own) throw refusal(`Element ${String(key)}`, Number(key), site);
}

/** Refuses to delete any of its elements: in the graph, a hole is not different from undefined. */
export function checkFilledDelete(object: unknown, key: unknown, site: Site): void {
  if (!isFilled(object) || typeof key === 'symbol' || !Number.isInteger(Number(key))) return;
  throw refusal(`Element ${String(key)}`, Number(key), site);
}

function refusal(what: string, index: number, site: Site | null): TraceError {
  return new TraceError(
    `${what} of an array that a branch or loop of the graph filled is changed: how many entries it has is known only when the model runs. Push the entries that you want, or change a tensor of it: const t = stack(array); t[${index}] = value.`,
    site,
  );
}
