import { TraceError } from '../errors.ts';
import * as functions from '../functions/index.ts';
import { asTraced } from '../functions/nodes.ts';
import { writeItems } from '../graph/operations/items.ts';
import { apply, toProxy, wrap } from '../tracing/apply.ts';
import { builder } from '../tracing/builder.ts';
import { keepAsItIs } from '../tracing/copies.ts';
import { build } from '../tracing/forms/build.ts';
import { capture, restOf } from '../tracing/forms/capture.ts';
import { valueLeaves } from '../tracing/forms/encode.ts';
import { leavesOf } from '../tracing/forms/form.ts';
import { isOutOfReach, openedEntries } from '../tracing/forms/open-entries.ts';
import { NONE, objectsIn } from '../tracing/forms/parts.ts';
import { inner } from '../tracing/hidden.ts';
import { getitem } from '../tracing/indexing.ts';
import { GraphEntries, type ListValue, stackedList } from '../tracing/lists.ts';
import type { TensorProxy } from '../tracing/proxy.ts';
import type { Traced } from '../types/tensor.ts';

/** How many entries an array has that a branch or loop of the graph filled. */
export function lengthOf(array: readonly unknown[]): Traced {
  const filled = array.filter((item): item is GraphEntries => item instanceof GraphEntries);
  const own = array.length - filled.length;
  const counts = filled.map((entries) => asTraced(entries.length()));
  if (own > 0 || filled.length === 0) counts.unshift(asTraced(toProxy(own)));
  return counts.reduce((a, b) => functions.add(a, b));
}

/** The entry at a position that is in range when the model runs. */
export function entryAt(entries: GraphEntries, index: TensorProxy): unknown {
  const { builder: target, form } = reached(entries);
  const values = leavesOf(form).map((list) => element(list, index)[inner].value());
  return build(target, form, values.values(), 'an entry', (_, value) => wrap(target, value));
}

/** Entries whose objects can be used here: those of a branch that may not have run are copies, as they now are. */
export function reached(entries: GraphEntries): GraphEntries {
  const opened = openedEntries(entries, (object) => isOutOfReach(object));
  if (opened !== entries) for (const one of objectsIn(entries.form)) if (isOutOfReach(one)) keepAsItIs(one);
  return opened;
}

/** All entries of an array in one list. */
export function gathered(array: readonly unknown[]): GraphEntries {
  const target = builder();
  if (array.length === 1 && array[0] instanceof GraphEntries) return array[0];
  const rest = restOf(array.map((item) => (item instanceof GraphEntries ? item : capture(target, item, NONE))));
  const values = valueLeaves(target).rest([], rest, rest);
  const form = { kind: 'array', of: null, items: [], rest: { ...rest, parts: [] }, isShared: false } as const;
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
