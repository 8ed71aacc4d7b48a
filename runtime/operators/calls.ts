import { inspect } from 'node:util';
import { TraceError } from '../errors.ts';
import { formatSite } from '../graph/site.ts';
import type { Site } from '../graph/types.ts';
import { isOwnProxy } from '../own-proxies.ts';
import { Tensor } from '../tensor/tensor.ts';
import { activeBuilder, type Builder } from '../tracing/builder.ts';
import { checkCopy } from '../tracing/copies.ts';
import { isOurs } from '../tracing/harmless.ts';
import { guardEntries } from '../tracing/lists.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import { each, methodName, settled, type Varying, varyingOf } from '../tracing/varying.ts';
import { isOfChance } from './asked-objects.ts';
import { isCompiled } from './blocks.ts';
import { builtin, consoleMethod } from './builtins.ts';
import { afterCall, afterNew, beforeCall, beforeNew, changedBy } from './calls-in-bodies.ts';
import { callOnFilled, checkSpread } from './filled-arrays.ts';
import { lengthOf } from './filled-entries.ts';
import { isFilledHere } from './filled-here.ts';
import { type Call, keepBound, resolveCall } from './indirect-calls.ts';
import { isIntrinsic } from './intrinsics.ts';
import { withKnownEnds } from './iterator-results.ts';
import { checkKeys, checkLength, checkWeakKeys } from './keys.ts';
import { checkLeaving } from './leaving.ts';
import { callsOutside } from './outside.ts';
import { checkPlainCode } from './plain-calls.ts';
import { native } from './plain-values.ts';
import { lookedAt } from './stored-arguments.ts';
import { there } from './there.ts';

type Function_ = (...values: unknown[]) => unknown;

/** `fn(…values)`, with `receiver` as its `this`. */
export function call(called: unknown, on: unknown, given: readonly unknown[], site: Site): unknown {
  const fn = there(called, site);
  const receiver = settled(on);
  const varying = varyingOf(fn);
  if (varying) return each(varying, (one) => call(one, receiver, given, site));
  const method = varyingOf(on) ? methodName(fn) : undefined;
  if (method !== undefined) return callMethod(method, receiver, given, site);
  if (typeof fn !== 'function') throw notCallable(fn, 'a function', site);
  const target = activeBuilder();
  if (target) target.site = site;
  const direct = resolveCall({ fn, receiver, values: given.map(settled) });
  const some =
    target &&
    lookedAt(direct)
      .map(varyingOf)
      .find((one) => one !== null);
  if (some) return each(some, (one) => call(direct.fn, direct.receiver, replaced(direct.values, some, one), site));
  const filled = target && callOnFilled(direct, site, (f, self, values) => call(f, self, values, site));
  if (filled) return filled.result;
  if (target?.isRepeatable && !isKnown(direct)) target.isRepeatable = false;
  const meaning = builtin(direct.fn);
  if (target) for (const value of changedBy(direct)) checkCopy(value, site);
  if (target && !consoleMethod(direct.fn)) {
    checkLeaving(target, direct, site);
    checkPlainCode(direct, site);
  }
  if (target?.isRecording && !consoleMethod(direct.fn)) beforeCall(target, direct, site);
  else if (target) callsOutside(target, direct);
  const values = target ? withKnownEnds(direct.fn, direct.values, site) : direct.values;
  const result = meaning ? meaning(direct.receiver, values, site) : within(target, { ...direct, values }, site);
  if (direct.fn === Function.prototype.bind) keepBound(result as object, boundCall(direct.receiver, direct.values));
  if (target?.isRepeatable && tellsElements(direct, result)) target.isRepeatable = false;
  if (target) afterCall(target, direct.fn, result);
  return target && tellsLength(direct) ? lengthOf(direct.receiver as unknown[]) : result;
}

/** Whether a call does the same with the same values: of this library, of the block's own functions, of JavaScript's. */
function isKnown({ fn, values }: Call): boolean {
  if (isOurs(fn) || isOwnProxy(fn)) return true;
  if (!isCompiled(fn) && !isIntrinsic(fn)) return false;
  // What they ask a tensor of the user nobody knows.
  return !isOfChance(fn) && !values.some((value) => value instanceof Tensor);
}

/** Whether a call has asked a tensor of the user for its elements: what is computed of them in the run is a value of the trace. */
function tellsElements({ values }: Call, result: unknown): boolean {
  const isOfTrace = result === undefined || result instanceof TensorProxy;
  return !isOfTrace && values.some((value) => value instanceof Tensor);
}

/** Whether a call gives how long an array is now, which only the run tells where the graph filled it. */
function tellsLength({ fn, receiver }: Call): boolean {
  return (fn === Array.prototype.push || fn === Array.prototype.unshift) && isFilledHere(receiver);
}

/** A method of whichever object it is: its effects belong to the branch for that object. */
function callMethod(name: PropertyKey, receiver: unknown, given: readonly unknown[], site: Site): unknown {
  const objects = varyingOf(there(receiver, site));
  if (objects) return each(objects, (one) => callMethod(name, one, given, site));
  return call(Reflect.get(Object(receiver), name, receiver), receiver, given, site);
}

/** The arguments with one of the values of a varying one in its place. */
function replaced(values: readonly unknown[], varying: Varying, by: unknown): readonly unknown[] {
  return values.map((value) => (varyingOf(value) === varying ? by : value));
}

/** Calls a function, noting that it is being called: one that calls itself in bodies within bodies has no end. */
function within(target: Builder | null, { fn, receiver, values }: Call, site: Site): unknown {
  const run = () => Reflect.apply(fn as Function_, receiver, values);
  if (!target) return run();
  if (isIntrinsic(fn)) return ofJavaScript(target, `${(fn as Function_).name}()`, values, run);
  if (!target.isRecording || !isCompiled(fn)) return run();
  target.calls.push({ fn, site });
  try {
    return run();
  } finally {
    target.calls.pop();
  }
}

/** Calls a function of JavaScript's own, which is named if it wants a number or text. It is not to blame for a callback. */
function ofJavaScript<T>(target: Builder, name: string, values: readonly unknown[], run: () => T): T {
  const outer = target.native;
  target.native = values.some((value) => typeof value === 'function') ? null : name;
  try {
    return run();
  } finally {
    target.native = outer;
  }
}

/** `new type(…values)` */
export function construct(named: unknown, given: readonly unknown[], site: Site): unknown {
  const values = given.map(settled);
  const target = activeBuilder();
  if (target) target.site = site;
  const type = there(named, site);
  const varying = varyingOf(type);
  if (varying) return each(varying, (one) => construct(one, given, site));
  if (typeof type !== 'function') throw notCallable(type, 'a constructor', site);
  checkSpread(values, site);
  for (const value of values) if (isFilledHere(value)) guardEntries(value);
  if (type === Array && values.length === 1) checkLength('new Array()', values[0], site);
  if (type === Boolean || type === Number || type === String || type === Object)
    native(`new ${type.name}`, values, site);
  if (target) {
    checkLeaving(target, { fn: type, receiver: undefined, values }, site);
    checkPlainCode({ fn: type, receiver: undefined, values }, site);
  }
  if (target) checkWeakKeys(type, values, site);
  if (target?.isRecording) beforeNew(target, type, values, site);
  const own = target ? withKnownEnds(type, values, site) : values;
  const run = (): object => Reflect.construct(type, own);
  const result = target && isIntrinsic(type) ? ofJavaScript(target, `new ${type.name}()`, values, run) : run();
  if (target) checkKeys(result, site);
  if (target) afterNew(target, type, values, result);
  return result;
}

/** The arguments of a call that only JavaScript can make, which is about to happen at `site`: `super(…values)`. */
export function at(values: readonly unknown[], site: Site): readonly unknown[] {
  const target = activeBuilder();
  if (!target) return values;
  target.site = site;
  checkSpread(values, site);
  return values.map(settled);
}

function boundCall(fn: unknown, [receiver, ...values]: readonly unknown[]) {
  return { fn: fn as object, receiver, values };
}

/** The kind of error that JavaScript throws itself; in a branch or loop of the graph nothing can be thrown. */
function notCallable(value: unknown, wanted: string, site: Site): Error {
  const message = `${inspect(value, { depth: 0 })} is not ${wanted}`;
  if (activeBuilder()?.conditional)
    return new TraceError(`${message}, in a branch or loop that depends on a traced value.`, site);
  return new TypeError(`${formatSite(site)} - ${message}`);
}
