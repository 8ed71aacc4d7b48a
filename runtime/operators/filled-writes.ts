import { TraceError } from '../errors.ts';
import * as functions from '../functions/index.ts';
import type { Site } from '../graph/types.ts';
import { toProxy } from '../tracing/apply.ts';
import { getitem as getTensorItem, setitem as setTensorItem } from '../tracing/indexing.ts';
import { GraphEntries } from '../tracing/lists.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import { binary } from './arithmetic.ts';
import { lengthOf } from './filled-entries.ts';
import { isFilledHere } from './filled-here.ts';
import { replaceEntries } from './filled-ranges.ts';

/**
 * Refuses to set the length of an array that a branch or loop of the graph filled, or an element after its own ones:
 * which element that is, only the run tells.
 */
export function checkFilledWrite(object: unknown, key: unknown, site: Site | null, value?: unknown): void {
  if (!isFilledHere(object) || typeof key === 'symbol') return;
  const own = object.findIndex((item) => item instanceof GraphEntries);
  if (key === 'length' && isCut(own, value)) return;
  if (key === 'length') throw refusal('The length', 0, site);
  if (Number.isInteger(Number(key)) && Number(key) >= own) throw refusal(`Element ${String(key)}`, Number(key), site);
}

/** Whether a length leaves only entries that no branch or loop of the graph pushed: the first `own` ones. */
function isCut(own: number, length: unknown): boolean {
  return typeof length === 'number' && Number.isInteger(length) && length >= 0 && length <= own;
}

/** Whether a key is the index of an entry that a branch or loop of the graph pushed. */
export function writesEntry(array: readonly unknown[], key: unknown): boolean {
  const own = array.findIndex((item) => item instanceof GraphEntries);
  return key instanceof TensorProxy || (typeof key === 'number' && Number.isInteger(key) && key >= own);
}

/** `array[index] = value`. An index out of range fails the run. */
export function writeEntry(array: unknown[], index: unknown, value: unknown, site: Site): unknown {
  const marks = functions.zeros([lengthOf(array)] as never);
  setTensorItem(toProxy(marks), index, 1);
  const isThere = (at: unknown) => binary('===', getTensorItem(toProxy(marks), at), 1, site);
  replaceEntries(array, site, isThere, value);
  return value;
}

/** Refuses to delete any of its elements: in the graph, a hole is not different from undefined. */
export function checkFilledDelete(object: unknown, key: unknown, site: Site): void {
  if (!isFilledHere(object) || typeof key === 'symbol' || !Number.isInteger(Number(key))) return;
  throw refusal(`Element ${String(key)}`, Number(key), site);
}

function refusal(what: string, index: number, site: Site | null): TraceError {
  return new TraceError(
    `${what} of an array that a branch or loop of the graph filled is changed: how many entries it has is known only when the model runs. Push the entries that you want, or change a tensor of it: const t = stack(array); t[${index}] = value.`,
    site,
  );
}
