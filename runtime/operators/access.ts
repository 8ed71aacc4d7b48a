import { TraceError } from '../errors.ts';
import * as functions from '../functions/index.ts';
import { asTraced } from '../functions/nodes.ts';
import type { Site } from '../graph/types.ts';
import { toProxy } from '../tracing/apply.ts';
import { activeBuilder } from '../tracing/builder.ts';
import { checkCopy } from '../tracing/copies.ts';
import { writeGradient } from '../tracing/gradients.ts';
import { getitem as getTensorItem, setitem as setTensorItem } from '../tracing/indexing.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import { each, settled, varyingOf } from '../tracing/varying.ts';
import { noteProperty } from './effects.ts';
import { entryOf, lengthOf } from './filled-entries.ts';
import { isFilledHere } from './filled-here.ts';
import { checkFilledDelete, checkFilledWrite, writeEntry, writesEntry } from './filled-writes.ts';
import { checkConverted, checkGetter } from './implicit-calls.ts';

function at(site: Site): void {
  const target = activeBuilder();
  if (target) target.site = site;
}

/** `object[key]` */
export function getitem(of: unknown, by: unknown, site: Site): unknown {
  at(site);
  const object = settled(of);
  const key = settled(by);
  const varying = varyingOf(object);
  if (varying) return each(varying, (one) => getitem(one, key, site));
  const keys = varyingOf(key);
  if (keys) return each(keys, (one) => getitem(object, one, site));
  if (object instanceof TensorProxy && typeof key !== 'symbol') {
    const isMember = typeof key === 'string' && key in object;
    return isMember ? Reflect.get(object, key) : getTensorItem(object, key);
  }
  if (Array.isArray(object)) {
    if (isFilledHere(object)) {
      if (typeof key === 'number' && key < 0) throw below(key, site);
      return entryOf(object, key);
    }
    if (key instanceof TensorProxy) return getTensorItem(toProxy(object), key);
  } else if (key instanceof TensorProxy) {
    throw new TraceError('Only tensors and arrays of tensors or numbers can be indexed with a traced value.', site);
  }
  if (activeBuilder()?.isRecording) {
    checkConverted(key, site);
    checkGetter(object, key as PropertyKey, site);
  }
  return (object as Record<PropertyKey, unknown>)[key as PropertyKey];
}

/** `object.key` */
export function member(object: unknown, key: string, site: Site): unknown {
  if (activeBuilder()?.isRecording) checkGetter(object, key, site);
  return (object as Record<string, unknown>)[key];
}

function below(index: number, site: Site): TraceError {
  return new TraceError(`An array has no element ${index}. To count from its end, write at(${index}).`, site);
}

/** `object[key] = value`, and `object.key = value`. */
export function setitem(of: unknown, by: unknown, value: unknown, site: Site): unknown {
  const target = activeBuilder();
  if (target) target.site = site;
  const object = settled(of);
  const key = settled(by);
  const varying = varyingOf(object) ?? varyingOf(key);
  if (varying) {
    const set = varyingOf(object)
      ? (one: unknown) => setitem(one, key, value, site)
      : (one: unknown) => setitem(object, one, value, site);
    each(varying, set);
    return value;
  }
  if (object instanceof TensorProxy && typeof key !== 'symbol') {
    if (key === 'grad') writeGradient(object, value);
    else setTensorItem(object, key, value);
    return value;
  }
  if (key instanceof TensorProxy && !isFilledHere(object)) {
    throw new TraceError(
      'A plain array or object cannot be assigned to at a traced position. Stack it into a tensor first: stack(array).',
      site,
    );
  }
  if (isFilledHere(object) && writesEntry(object, key)) return writeEntry(object as unknown[], key, value, site);
  checkFilledWrite(object, key, site, value);
  checkCopy(object, site);
  if (target?.isRecording) {
    checkConverted(key, site);
    noteProperty(target, object, key as PropertyKey, value);
  }
  (object as Record<PropertyKey, unknown>)[key as PropertyKey] = value;
  return value;
}

/** `delete object[key]` */
export function delete_(of: unknown, key: unknown, site: Site): boolean {
  const target = activeBuilder();
  if (target) target.site = site;
  const object = settled(of);
  const varying = varyingOf(object);
  if (varying) return each(varying, (one) => delete_(one, key, site)) as boolean;
  checkFilledDelete(object, key, site);
  checkCopy(object, site);
  if (target?.isRecording && !(object instanceof TensorProxy)) noteProperty(target, object, key as PropertyKey);
  return delete (object as Record<PropertyKey, unknown>)[key as PropertyKey];
}

/** `object.length`: of a tensor its first dimension; of an array that a graph loop filled, a traced number. */
export function length(of: unknown, site: Site): unknown {
  at(site);
  const object = settled(of);
  const varying = varyingOf(object);
  if (varying) return each(varying, (one) => length(one, site));
  if (object instanceof TensorProxy)
    return object.type.shape?.[0] ?? getTensorItem(toProxy(functions.shape(asTraced(object))), 0);
  if (isFilledHere(object)) return lengthOf(object);
  return (object as { length: unknown }).length;
}
