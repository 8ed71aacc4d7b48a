import { TraceError } from '../errors.ts';
import * as functions from '../functions/index.ts';
import { asTraced } from '../functions/nodes.ts';
import { writeItems } from '../graph/operations/items.ts';
import type { Site } from '../graph/types.ts';
import { apply, toProxy, wrap } from '../tracing/apply.ts';
import { activeBuilder, builder } from '../tracing/builder.ts';
import { build } from '../tracing/forms/build.ts';
import { capture, restOf } from '../tracing/forms/capture.ts';
import { valueLeaves } from '../tracing/forms/encode.ts';
import { leavesOf } from '../tracing/forms/form.ts';
import { NONE } from '../tracing/forms/parts.ts';
import { getitem } from '../tracing/indexing.ts';
import { GraphEntries, type ListValue, stackedList } from '../tracing/lists.ts';
import type { TensorProxy } from '../tracing/proxy.ts';
import type { Traced } from '../types/tensor.ts';

/** How many entries an array has that a branch or loop of the graph filled. */
export function lengthOf(array: readonly unknown[]): Traced {
  const counts = array.map((item) => asTraced(item instanceof GraphEntries ? item.length() : toProxy(1)));
  return counts.reduce((a, b) => functions.add(a, b));
}

/**
 * One of its entries; an index below 0 counts from its end. An object or array is a copy of the entry, which cannot be
 * changed, unless it was there before the branch or loop.
 */
export function entryOf(array: readonly unknown[], index: unknown): unknown {
  const own = array.findIndex((item) => item instanceof GraphEntries);
  if (typeof index === 'number' && index >= 0 && (own < 0 || index < own)) return array[index];
  const isFromEnd = typeof index === 'number' && index < 0;
  const entry = entryAt(gathered(array), toProxy(isFromEnd ? functions.add(lengthOf(array), index) : index));
  if (typeof entry === 'object' && entry !== null && own >= 0) builder().objects.unsure.add(entry);
  return entry;
}

/**
 * Refuses to ask whether an entry that was read by its index is there at all: where it is not, the run fails.
 * @throws TraceError
 */
export function checkAsked(entry: unknown, site: Site): void {
  if (typeof entry !== 'object' || entry === null || !activeBuilder()?.objects.unsure.has(entry)) return;
  throw new TraceError(
    'Whether an array that a branch or loop of the graph filled has an entry at an index is asked of the entry itself. Compare the index with its length: index < array.length.',
    site,
  );
}

/** The entry at a position that is in range when the model runs. */
export function entryAt({ builder: target, form }: GraphEntries, index: TensorProxy): unknown {
  const values = leavesOf(form).map((list) => element(list, index).value());
  return build(target, form, values.values(), 'an entry', (_, value) => wrap(target, value));
}

/** All entries of an array in one list. */
function gathered(array: readonly unknown[]): GraphEntries {
  const target = builder();
  if (array.length === 1 && array[0] instanceof GraphEntries) return array[0];
  const rest = restOf(array.map((item) => (item instanceof GraphEntries ? item : capture(target, item, NONE))));
  const values = valueLeaves(target).rest([], rest, rest);
  const form = { kind: 'array', of: null, items: [], rest: { entry: rest.entry, parts: [] }, isShared: false } as const;
  const made = build(target, form, values.values(), 'an array', (_, value) => wrap(target, value));
  return (made as readonly GraphEntries[])[0]!;
}

function element(list: ListValue, index: TensorProxy): TensorProxy {
  const target = builder();
  const { entry } = list;
  if (entry === null) {
    throw new TraceError(
      'The entries of this array differ in their number of dimensions, so that one of them cannot be taken by its index.',
      target.site,
    );
  }
  if (entry.every((dim) => dim !== null)) return getitem(stackedList(target, list), index);
  // Entries of several sizes stand one after another.
  const dims = functions.reshape(asTraced(wrap(target, list.shapes)), [-1, entry.length]);
  const sizes = functions.prod(dims, 1);
  const item = (of: Traced) => getitem(toProxy(of), index);
  const end = item(functions.cumsum(sizes, 0));
  const start = toProxy(functions.sub(asTraced(end), asTraced(item(sizes))));
  const slice = writeItems<TensorProxy>([{ kind: 'slice', start, stop: end, step: null, size: null }]);
  const elements = apply('getitem', [wrap(target, list.data), ...slice.operands], { items: slice.items });
  return apply('reshape', [elements, item(dims)]);
}
