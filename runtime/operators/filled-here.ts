import { GraphEntries, isFilled } from '../tracing/lists.ts';
import { changed } from './filled-ranges.ts';

/**
 * Whether an array has entries of which only the run will tell how many there are. Where the conditions around tell it,
 * the array gets them: in the branch that a `push` has made sure of, it is an array as any other.
 */
export function isFilledHere(value: unknown): value is readonly unknown[] {
  if (!isFilled(value)) return false;
  const items = value.flatMap((item) => (item instanceof GraphEntries ? (item.known() ?? [item]) : [item]));
  if (value.every((item) => !(item instanceof GraphEntries) || items.includes(item))) return true;
  changed(value as unknown[], items);
  return isFilled(items);
}
