import { types } from 'node:util';
import { TraceError } from '../errors.ts';
import type { Site } from '../graph/types.ts';
import { isHarmless, isHarmlessName } from '../tracing/harmless.ts';
import { GraphEntries } from '../tracing/lists.ts';
import { isModule } from '../tracing/model.ts';
import { isPlainObject } from '../tracing/plain-object.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import { isCompiled, isCompiledName } from './blocks.ts';
import type { Call } from './indirect-calls.ts';
import { isIntrinsic } from './intrinsics.ts';
import { isTelling, type Others, questionIn } from './plain-code.ts';

/**
 * Before a call in a block: a function that was not compiled may be handed values of the trace, but not ask them
 * anything, as to JavaScript they are all true.
 * @throws TraceError if its text does
 */
export function checkPlainCode({ fn, receiver, values }: Call, site: Site): void {
  if (mayAsk(fn)) return;
  if (!isIntrinsic(fn)) {
    check(fn, receiver, values, site);
    return;
  }
  // a function that JavaScript calls itself, with the elements of its receiver or of what it is given
  for (const value of values) {
    if (typeof value !== 'function' || isIntrinsic(value)) continue;
    if (mayAsk(value)) continue;
    const given = [receiver, ...values].filter((one) => one !== value);
    const isOfTwo = /^(reduce|sort|toSorted)/.test((fn as { name: string }).name);
    check(value, undefined, isOfTwo ? [given, given] : [given], site);
  }
}

/** Whether a function knows values of a trace, or asks for nothing that matters. */
function mayAsk(fn: object): boolean {
  return isCompiled(fn) || isHarmless(fn) || isModule(fn);
}

function check(fn: object, receiver: unknown, values: readonly unknown[], site: Site): void {
  const traced = values.filter((value) => holds(value));
  const seen = new Set<unknown>([fn]);
  const others: Others = {
    of: (one, areTraced, on) => {
      if (typeof one !== 'function' || isIntrinsic(one) || mayAsk(one) || seen.has(one)) return null;
      seen.add(one);
      const given = areTraced.map((isTraced) => (isTraced ? traced : undefined));
      return questionIn(one, on, given, holds, others);
    },
    named: (name) => (isKnownName(name, seen) ? null : { handedTo: name }),
  };
  const question = questionIn(fn, receiver, values, holds, others);
  if (question === null) return;
  const { name } = fn as { name?: unknown };
  const named = typeof name === 'string' && name !== '' ? `The function ${name}` : 'A function without a name';
  throw new TraceError(
    typeof question === 'string'
      ? `${named} was not compiled and asks a value of the trace, which JavaScript takes for true and for another than all others (${question}). Put the directive 'use trace' at its top; whether it is given a value ask by x !== undefined; or say with pure() of onnsight that it asks for nothing else.`
      : `${named} was not compiled and hands a value of the trace to ${question.handedTo}, of which nothing says that it was: it may ask it as what JavaScript takes for true and for another than all others. Put the directive 'use trace' at the top of the first, which then tells; or say with pure() of onnsight that both ask for nothing.`,
    site,
  );
}

/** Whether a name that a function calls is one of JavaScript's own functions, of this library's, or of one that is compiled. */
function isKnownName(name: string, callers: ReadonlySet<unknown>): boolean {
  if (typeof Reflect.get(globalThis, name) === 'function' || isTelling(name)) return true;
  // a bundler numbers what has the same name in several files: `mean$1`, `mean2`
  const names = [name, name.replace(/\$?\d+$/, '')];
  const isOfCaller = [...callers].some((fn) => (fn as { name?: unknown }).name === name);
  return isOfCaller || names.some((one) => isHarmlessName(one) || isCompiledName(one));
}

/** How deep values are looked for in what a function is given. */
const DEPTH = 3;

function holds(value: unknown, depth = 0): boolean {
  if (value instanceof TensorProxy || value instanceof GraphEntries) return true;
  if (typeof value === 'function') return isCompiled(value);
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || depth === DEPTH) return false;
  const inside = (one: unknown): boolean => holds(one, depth + 1);
  if (Array.isArray(value)) return value.some(inside);
  if (value instanceof Map) return [...value.keys(), ...value.values()].some(inside);
  if (value instanceof Set) return [...value].some(inside);
  if (isModule(value) || types.isProxy(value)) return false;
  const properties: readonly PropertyDescriptor[] = Object.values(Object.getOwnPropertyDescriptors(value as object));
  return properties.some(({ value: held }) => (isPlainObject(value) || typeof held !== 'function') && inside(held));
}
