import { TraceError } from '../errors.ts';
import * as functions from '../functions/index.ts';
import { asProxy, asTraced } from '../functions/nodes.ts';
import type { Site } from '../graph/types.ts';
import { BELOW } from '../graph/unequal.ts';
import { isFloatDType } from '../tensor/storage.ts';
import { Tensor } from '../tensor/tensor.ts';
import { apply, toProxy } from '../tracing/apply.ts';
import { doubt } from '../tracing/doubtful.ts';
import { type Form, isNumeric } from '../tracing/forms/form.ts';
import { inner } from '../tracing/hidden.ts';
import { getitem } from '../tracing/indexing.ts';
import { GraphEntries } from '../tracing/lists.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import { assured } from '../tracing/varying.ts';
import { binary } from './binary.ts';
import { and, conditional } from './conditionals.ts';
import { entryAt, gathered, lengthOf, reached } from './filled-entries.ts';
import { whole } from './positions.ts';

/**
 * `array[index]`: where there is no such entry, the run fails, unless it is asked whether there is one. An object or array
 * is a copy of the entry, which cannot be changed, unless it was there before the branch or loop.
 */
export function entryOf(array: readonly unknown[], index: unknown, site: Site): unknown {
  const own = array.findIndex((item) => item instanceof GraphEntries);
  if (typeof index === 'number' && index < 0) throw below(index, site);
  if (typeof index === 'number' && (own < 0 || index < own)) return array[index];
  return taken(array, fromStart(toProxy(index), site), site);
}

/** The same as `at` counts: an index below 0 from the end. */
export function entryAround(array: readonly unknown[], index: unknown, site: Site): unknown {
  const at = whole(index, site);
  return entryOf(array, typeof at === 'number' && at >= 0 ? at : around(array, at, site), site);
}

/** An index, counted from the end if it is below 0. */
export function around(array: readonly unknown[], index: unknown, site: Site): unknown {
  const isFromEnd = binary('<', index, 0, site);
  const fromEnd = () => binary('+', index, lengthOf(array), site);
  return conditional(isFromEnd, fromEnd, () => index, null, site);
}

/** What is an entry where there is one, else undefined. Code that needs one gets it, and fails the run without. */
export function perhapsEntry(array: readonly unknown[], index: unknown, isThere: unknown, site: Site): unknown {
  const items = array.slice();
  const read = () => entryOf(items, index, site);
  return assured(
    conditional(isThere, read, () => undefined, null, site),
    read,
  );
}

function below(index: number, site: Site): TraceError {
  return new TraceError(`An array has no element ${index}. To count from its end, write at(${index}).`, site);
}

/** An index of an array: below 0 there is nothing, and the run fails. */
export function fromStart(index: TensorProxy, site: Site): TensorProxy {
  const {
    isMixed,
    type: { dtype, shape, constant },
  } = index[inner];
  if ((dtype === 'bool' || isMixed) && shape?.length === 0) {
    const message = 'An array is indexed with a truth value, and has nothing of that name. Write test ? 1 : 0.';
    throw new TraceError(message, site);
  }
  const isKnown = constant?.every((one) => one >= 0) ?? false;
  if (shape?.length !== 0 || isKnown) return index;
  if (isFloatDType(dtype)) {
    const number = asTraced(index);
    const isWhole = functions.logicalAnd(functions.eq(functions.floor(number), number), functions.ge(number, 0));
    return asProxy(functions.where(isWhole, number.long(), BELOW));
  }
  return asProxy(functions.where(functions.lt(asTraced(index), 0), BELOW, asTraced(index)));
}

const ENTRY =
  'An entry of an array that a traced index takes is changed in place: it is a copy, and the array would not see the change. Set the entry, rows[i] = …, or make the array one tensor before, stack(rows), and change that.';

/** The entry at an index that may be out of range. */
function taken(array: readonly unknown[], index: TensorProxy, site: Site): unknown {
  if (array.every(isOfTensor) && !array.some(isEmpty)) {
    const stacked = toProxy(array);
    const read = () => {
      const entry = getitem(stacked, index);
      if (!array.every(isNumeric)) entry[inner].root.unchangeable = ENTRY;
      return entry;
    };
    return doubted(read, array.length, index, site);
  }
  const list = reached(gathered(array));
  const { form } = list;
  if (form.kind === 'plain' && !isNumeric(form.value)) return perhaps(() => form.value, list.length(), index, site);
  return doubted(() => bound(entryAt(list, index), form, list, index), list.length(), index, site);
}

/** A value that is made anew for code that asks whether it is there; `read` fails the run where it is not. */
function doubted(read: () => unknown, length: unknown, index: TensorProxy, site: Site): unknown {
  const value = read();
  doubt(value as object, {
    ask: () => perhaps(read, length, index, site),
    isThere: () => toProxy(isInRange(length, index, site)),
  });
  return value;
}

/** What is undefined where the index is out of range. */
function perhaps(read: () => unknown, length: unknown, index: TensorProxy, site: Site): unknown {
  return assured(
    conditional(isInRange(length, index, site), read, () => undefined, null, site),
    read,
  );
}

function isInRange(length: unknown, index: TensorProxy, site: Site): unknown {
  return and(binary('>=', index, 0, site), () => binary('<', index, length, site), site);
}

/** An entry whose plain numbers depend on the run, too: where there is no such entry, they fail it. */
function bound(entry: unknown, form: Form<unknown>, list: GraphEntries, index: TensorProxy): unknown {
  if (form.kind === 'plain' && isNumeric(form.value)) {
    const count = apply('unsqueeze', [list.length()], { dims: [0] });
    return getitem(apply('expand', [toProxy(form.value), count]), index);
  }
  const parts = form.kind === 'array' ? form.items.entries() : form.kind === 'record' ? form.fields : [];
  for (const [key, part] of parts) {
    const object = entry as Record<string | number, unknown>;
    object[key] = bound(object[key], part, list, index);
  }
  return entry;
}

/** Whether a value is an array without elements: it is there to be filled, and no row of a tensor. */
function isEmpty(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

/** Whether a value is a number or tensor, or an array of some. */
function isOfTensor(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(isOfTensor);
  return value instanceof TensorProxy || value instanceof Tensor || isNumeric(value);
}
