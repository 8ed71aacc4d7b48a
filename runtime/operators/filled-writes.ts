import { TraceError } from '../errors.ts';
import * as functions from '../functions/index.ts';
import type { Site } from '../graph/types.ts';
import { OUTSIDE } from '../graph/unequal.ts';
import { toProxy } from '../tracing/apply.ts';
import { getitem as getTensorItem, setitem as setTensorItem } from '../tracing/indexing.ts';
import { GraphEntries } from '../tracing/lists.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import { binary } from './binary.ts';
import { if_ } from './conditionals.ts';
import { entryAt, gathered, lengthOf } from './filled-entries.ts';
import { isFilledHere } from './filled-here.ts';
import { collected, countTo } from './filled-loops.ts';
import { changed, replaceEntries } from './filled-ranges.ts';
import { fromStart } from './filled-reads.ts';
import { math } from './math.ts';
import { demand } from './there.ts';

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

/** `array[index] = value`: at its end, the array grows by one entry; after that, where it would get holes, the run fails. */
export function writeEntry(array: unknown[], index: unknown, value: unknown, site: Site): unknown {
  const end = lengthOf(array);
  const isAt = marked(binary('+', end, 1, site), index, site);
  replaceEntries(array, site, isAt, value);
  if_(isAt(end), () => void changed(array, array.concat([value])), null, null, site);
  return value;
}

/** The same at an index that is in range, or the run fails. */
export function setEntry(array: unknown[], index: unknown, value: unknown, site: Site): void {
  replaceEntries(array, site, marked(lengthOf(array), index, site), value);
}

/** Tells of an index whether it is a given one, which is below a count, or the run fails. */
function marked(count: unknown, index: unknown, site: Site): (index: unknown) => unknown {
  const marks = toProxy(functions.zeros([count] as never));
  setTensorItem(marks, fromStart(toProxy(index), site), 1);
  return (at) => binary('===', getTensorItem(marks, at), 1, site);
}

/** Whether a length is one that only the run knows, or may leave some of the entries that it alone counts. */
export function writesLength(array: readonly unknown[], key: unknown, length: unknown): boolean {
  if (key !== 'length') return false;
  if (length instanceof TensorProxy) return true;
  const own = array.findIndex((item) => item instanceof GraphEntries);
  return own >= 0 && !isCut(own, length) && Number(length) > own;
}

/** `array.length = length`, where the array has as many entries, or the run fails. */
export function writeLength(array: unknown[], length: unknown, site: Site): unknown {
  const isLength = binary('===', math('max', [math('floor', [length], site), 0], site), length, site);
  demand(isLength, site, OUTSIDE);
  const list = array.length > 0 ? gathered(array) : null;
  const known = toProxy(functions.arange(binary('+', lengthOf(array), 1, site) as number));
  const left = getTensorItem(known, fromStart(toProxy(length), site));
  changed(
    array,
    collected((add) => countTo(left, site, (i) => add(list && entryAt(list, i as never)))),
  );
  return length;
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
