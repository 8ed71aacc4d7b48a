import { TraceError } from '../errors.ts';
import * as functions from '../functions/index.ts';
import { asTraced } from '../functions/nodes.ts';
import type { Site } from '../graph/types.ts';
import { isSliceString } from '../tensor/slices.ts';
import { Tensor } from '../tensor/tensor.ts';
import { toProxy } from '../tracing/apply.ts';
import { activeBuilder } from '../tracing/builder.ts';
import { checkClosed } from '../tracing/closed-objects.ts';
import { checkCopy } from '../tracing/copies.ts';
import { writeGradient } from '../tracing/gradients.ts';
import { inner } from '../tracing/hidden.ts';
import { getitem as getTensorItem, setitem as setTensorItem } from '../tracing/indexing.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import { each, settled, varyingOf } from '../tracing/varying.ts';
import { noteAsked, noteMember } from './asked-objects.ts';
import { noteProperty } from './effects.ts';
import { lengthOf } from './filled-entries.ts';
import { isFilledHere } from './filled-here.ts';
import { entryOf } from './filled-reads.ts';
import {
  checkFilledDelete,
  checkFilledWrite,
  writeEntry,
  writeLength,
  writesEntry,
  writesLength,
} from './filled-writes.ts';
import { asName, checkConverted } from './implicit-calls.ts';
import { isScalar, typeof_ } from './kinds.ts';
import { asScalar } from './of-results.ts';
import { setsOutside } from './outside.ts';
import { there } from './there.ts';
import { above, checkGetter } from './user-objects.ts';

function at(site: Site): void {
  const target = activeBuilder();
  if (target) target.site = site;
}

/** Where nothing can be thrown, undefined and null must not be asked for a member. */
function checkThere(object: unknown, key: unknown, site: Site): void {
  if ((object !== null && object !== undefined) || !activeBuilder()?.conditional) return;
  throw new TraceError(
    `${String(object)} has no ${typeof key === 'string' ? `'${key}'` : 'members'}, in a branch or loop that depends on a traced value: where that runs, JavaScript would throw an error. Ask first whether it is there: object?.key.`,
    site,
  );
}

/** `object[key]` */
export function getitem(of: unknown, by: unknown, site: Site): unknown {
  at(site);
  const object = there(of, site);
  noteAsked(object);
  const key = object instanceof Tensor ? settled(by) : asScalar(settled(by));
  const varying = varyingOf(object);
  if (varying) return each(varying, (one) => getitem(one, key, site));
  checkThere(object, key, site);
  const keys = varyingOf(key);
  if (keys) return each(keys, (one) => getitem(object, one, site));
  if (object instanceof TensorProxy && typeof key !== 'symbol') {
    const isMember = typeof key === 'string' && key in object;
    return isMember ? Reflect.get(object, key) : getTensorItem(object, key);
  }
  if (Array.isArray(object)) {
    if (isFilledHere(object)) return memberOfFilled(object, key, site);
    if (key instanceof TensorProxy) return entryOf(object, key, site);
  } else if (object instanceof Tensor && activeBuilder() && (Object(key) === key || key === null)) {
    // JavaScript would make a text of a list: [[0, 1]] would be [0, 1].
    return getTensorItem(toProxy(object), key);
  } else if (object instanceof Tensor && Array.isArray(key)) {
    throw new TraceError(
      'JavaScript makes a text of a list that stands in brackets, which is another index. Write indexSelect(t, dim, tensor(list)).',
      site,
    );
  } else if (key instanceof TensorProxy) {
    throw new TraceError('Only tensors and arrays of tensors or numbers can be indexed with a traced value.', site);
  }
  const name = asName(key, site);
  noteMember(object, name);
  checkClosed(object, name, site);
  if (activeBuilder()?.isRecording) checkGetter(object, name, site);
  return (object as Record<PropertyKey, unknown>)[name];
}

/** A name may be that of an entry, too: `array['0']`. */
function memberOfFilled(array: readonly unknown[], key: unknown, site: Site): unknown {
  if (key === 'length') return lengthOf(array);
  if (typeof key === 'string' && /^\d+$/.test(key)) return entryOf(array, Number(key), site);
  return typeof key === 'string' || typeof key === 'symbol' ? Reflect.get(array, key) : entryOf(array, key, site);
}

/** `object.key` */
export function member(of: unknown, key: string, site: Site): unknown {
  const object = there(of, site);
  noteMember(object, key);
  checkThere(object, key, site);
  const target = activeBuilder();
  if (!target) return (object as Record<string, unknown>)[key];
  if (key === 'constructor' && isScalar(object, key, site))
    return typeof_(object, site) === 'boolean' ? Boolean : Number;
  checkClosed(object, key, site);
  if (target.isRecording) checkGetter(object, key, site);
  const outer = target.reading;
  target.reading = site;
  try {
    return (object as Record<string, unknown>)[key];
  } finally {
    target.reading = outer;
  }
}

/** `object.key` or `object[key]`, of which JavaScript itself makes a call. */
export function method(of: unknown, by: unknown, site: Site): unknown {
  const object = there(of, site);
  noteAsked(object);
  checkThere(object, by, site);
  if (Array.isArray(object) && typeof by !== 'string') return getitem(object, by, site);
  const given = settled(by);
  const keys = varyingOf(given);
  if (keys) return each(keys, (one) => method(object, one, site));
  const key = asName(given, site);
  noteMember(object, key);
  checkClosed(object, key, site);
  if (activeBuilder()?.isRecording) checkGetter(object, key, site);
  return (object as Record<PropertyKey, unknown>)[key];
}

/** `Name.key`, where only JavaScript or TypeScript can read it, is about to be read of what the name is, if it is a value. */
export function named(object: unknown, key: string, site: Site): void {
  if (activeBuilder()?.isRecording) checkGetter(object, key, site);
}

/** The key of `super[key]`, which is about to be read in a method with this `this`. */
export function inherited(self: unknown, by: unknown, site: Site): unknown {
  const key = asName(settled(by), site);
  if (activeBuilder()?.isRecording) for (const one of above(self)) checkGetter(one, key, site);
  return key;
}

/** `object[key] = value`, and `object.key = value`. */
export function setitem(of: unknown, by: unknown, value: unknown, site: Site): unknown {
  const target = activeBuilder();
  if (target) target.site = site;
  const object = there(of, site);
  const key = asScalar(settled(by));
  checkThere(object, key, site);
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
  if (key instanceof TensorProxy && !Array.isArray(object)) {
    throw new TraceError(
      'Only tensors and arrays of tensors or numbers can be assigned to at a traced position.',
      site,
    );
  }
  if (isFilledHere(object) && writesEntry(object, key)) return writeEntry(object as unknown[], key, value, site);
  if (Array.isArray(object) && writesLength(object, key, value)) return writeLength(object, value, site);
  checkFilledWrite(object, key, site, value);
  checkCopy(object, site);
  if (key instanceof TensorProxy) return writeEntry(object as unknown[], key, value, site);
  checkElement(object, value, site);
  const name = asName(key, site);
  if (object instanceof Tensor && isSliceString(String(name))) {
    throw new TraceError(
      `A tensor from outside of the block is assigned to by index [${String(name)}], and would not change. Assign to a copy: clone(tensor).`,
      site,
    );
  }
  if (target?.isRecording) {
    if (ArrayBuffer.isView(object) || name === 'length') checkConverted(value, site);
    noteProperty(target, object, name, value);
  } else if (target) setsOutside(target, object, name);
  (object as Record<PropertyKey, unknown>)[name] = value;
  return value;
}

/** A typed array holds numbers, and a traced value is none before the run. */
function checkElement(object: unknown, value: unknown, site: Site): void {
  if (!ArrayBuffer.isView(object) || !(value instanceof TensorProxy)) return;
  throw new TraceError(
    `An element of a ${object.constructor.name} is set to a value of a trace, which is no number before the model runs. Use an array, or a tensor: zeros(n).`,
    site,
  );
}

/** `delete object[key]` */
export function delete_(of: unknown, by: unknown, site: Site): boolean {
  const target = activeBuilder();
  if (target) target.site = site;
  const object = there(of, site);
  const varying = varyingOf(object);
  if (varying) return each(varying, (one) => delete_(one, by, site)) as boolean;
  const key = asName(by, site);
  checkFilledDelete(object, key, site);
  checkCopy(object, site);
  if (target?.isRecording && !(object instanceof TensorProxy)) noteProperty(target, object, key);
  return delete (object as Record<PropertyKey, unknown>)[key];
}

/** `object.length`: of a tensor its first dimension; of an array that a graph loop filled, a traced number. */
export function length(of: unknown, site: Site): unknown {
  at(site);
  const object = there(of, site);
  const varying = varyingOf(object);
  if (varying) return each(varying, (one) => length(one, site));
  if (object instanceof TensorProxy)
    return object[inner].type.shape?.[0] ?? getTensorItem(toProxy(functions.shape(asTraced(object))), 0);
  if (object instanceof Tensor) return object.dims[0];
  checkThere(object, 'length', site);
  checkClosed(object, 'length', site);
  if (isFilledHere(object)) return lengthOf(object);
  if (activeBuilder()?.isRecording) checkGetter(object, 'length', site);
  return (object as { length: unknown }).length;
}
