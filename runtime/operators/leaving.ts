import { TraceError } from '../errors.ts';
import type { Site } from '../graph/types.ts';
import { isOwnProxy } from '../own-proxies.ts';
import type { Builder } from '../tracing/builder.ts';
import { isOurs } from '../tracing/harmless.ts';
import { GraphEntries } from '../tracing/lists.ts';
import { isPlainObject } from '../tracing/plain-object.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import { type Varying, varies, varyingOf } from '../tracing/varying.ts';
import { isCompiled } from './blocks.ts';
import type { Call } from './indirect-calls.ts';
import { isIntrinsic } from './intrinsics.ts';

/** Functions of JavaScript that put values into an object or array, or take them out, without looking at them. */
const MOVING: ReadonlySet<unknown> = new Set<unknown>([
  ...['push', 'unshift', 'splice', 'toSpliced', 'fill', 'with', 'concat'].map((name) => Reflect.get([], name)),
  ...[Array, Array.of, Map.prototype.set, Object.assign],
]);

/** Functions of JavaScript that look at what an array holds. */
const LOOKING: ReadonlySet<unknown> = new Set<unknown>([[].includes, [].indexOf, [].lastIndexOf, [].flat]);

/**
 * Only compiled code asks which of its values a varying one is. Others would meet what stands for it.
 * @throws TraceError if a function that is not compiled would get hold of one
 */
export function checkLeaving(target: Builder, { fn, receiver, values }: Call, site: Site): void {
  if (target.varyings.length === 0 || isCompiled(fn) || isOurs(fn)) return;
  const given = [receiver, ...values];
  if (!isIntrinsic(fn)) refuse(findIn(given), site);
  else if (LOOKING.has(fn)) refuse(given.flat().map(varyingOf).find(Boolean), site);
  else if (fn === Map.prototype.set) refuse(varyingOf(values[0]), site);
  else if (!MOVING.has(fn)) refuse(given.map(varyingOf).find(Boolean), site);
}

/** Refuses a varying value in what is printed. */
export function checkPrinted(target: Builder, values: readonly unknown[], site: Site): void {
  if (target.varyings.length > 0) refuse(findIn(values), site);
}

/** Refuses values of the trace in what is copied as a whole. */
export function checkCopied(value: unknown, site: Site): void {
  for (const one of parts([value])) {
    refuse(varyingOf(one), site);
    if (!(one instanceof TensorProxy || one instanceof GraphEntries)) continue;
    throw new TraceError(
      'structuredClone() is given values of a trace, which it cannot copy. Copy the array or object that holds them: [...array], { ...object }.',
      site,
    );
  }
}

/** Whether there is an array among what a value holds that a branch or loop of the graph filled. */
export function holdsFilled(value: unknown): boolean {
  for (const one of parts([value])) if (one instanceof GraphEntries) return true;
  return false;
}

/** Whether a value of a trace is among values, or in an array or plain object among them. */
export function holdsTraced(values: readonly unknown[]): boolean {
  const seen = new Set<object>();
  const isTraced = (value: unknown): boolean => {
    if (value instanceof TensorProxy) return true;
    if (!Array.isArray(value) && (isOwnProxy(value) || !isPlainObject(value))) return false;
    if (seen.has(value)) return false;
    seen.add(value);
    return Object.values(Object.getOwnPropertyDescriptors(value)).some(({ value: held }) => isTraced(held));
  };
  return values.some(isTraced);
}

function refuse(found: Varying | null | undefined, site: Site): void {
  if (!found) return;
  found.builder.site = site;
  throw varies(found);
}

function findIn(values: readonly unknown[]): Varying | null {
  for (const one of parts(values)) if (varyingOf(one)) return varyingOf(one);
  return null;
}

/** Values, with what they hold if they are objects, arrays, Maps or Sets, however deep. */
function* parts(values: readonly unknown[]): Generator<unknown> {
  const seen = new Set<unknown>();
  const open = [...values];
  while (open.length > 0) {
    const value = open.pop();
    yield value;
    const isTree = typeof value === 'object' && value !== null && !(value instanceof TensorProxy);
    if (!isTree || value instanceof GraphEntries || ArrayBuffer.isView(value) || seen.has(value)) continue;
    seen.add(value);
    if (value instanceof Map) for (const [key, held] of value) open.push(key, held);
    else if (value instanceof Set) for (const one of value) open.push(one);
    else for (const { value: held } of Object.values(Object.getOwnPropertyDescriptors(value))) open.push(held);
  }
}
