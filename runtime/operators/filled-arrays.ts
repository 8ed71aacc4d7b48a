import { TraceError } from '../errors.ts';
import type { Site } from '../graph/types.ts';
import { GraphEntries, guardEntries } from '../tracing/lists.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import { checkWhole, type Run, unfollowed } from './filled-calls.ts';
import { isFilledHere } from './filled-here.ts';
import { iterated } from './filled-iterators.ts';
import { extreme, FILLED_METHODS } from './filled-methods.ts';
import type { Call } from './indirect-calls.ts';
import { isIntrinsic } from './intrinsics.ts';

/** Whether a call gives no function, as a sort of plain values by their texts. */
function isByText(array: readonly unknown[], [fn]: readonly unknown[]): boolean {
  return fn === undefined && !array.some((item) => item instanceof TensorProxy || item instanceof GraphEntries);
}

/** Functions of JavaScript that store entries unchanged, however many there will be. */
const KEEPING: ReadonlySet<unknown> = new Set<unknown>([
  Array.prototype.push,
  Array.prototype.unshift,
  Array.prototype.concat,
  Array.isArray,
  Map.prototype.set,
  Set.prototype.add,
]);

/** Methods that a function decides for, which may be traced: what they give is then filled by the graph. */
const DECIDING: ReadonlySet<unknown> = new Set<unknown>([
  Array.prototype.filter,
  Array.prototype.find,
  Array.prototype.findIndex,
  Array.prototype.some,
  Array.prototype.every,
  Array.prototype.sort,
  // Older releases of Node lack some.
  ...['findLast', 'findLastIndex', 'toSorted'].map((name) => Reflect.get(Array.prototype, name) as unknown),
]);

/** Methods that are given positions, by the arguments that these are: where one is traced, what they give is so, too. */
const BOUNDED = new Map<unknown, readonly number[]>([
  [Array.prototype.slice, [0, 1]],
  [Array.prototype.fill, [1, 2]],
  [Array.prototype.splice, [0, 1]],
  ...(['toSpliced', 'with'] as const).map(
    (name) => [Reflect.get(Array.prototype, name) as unknown, name === 'with' ? [0] : [0, 1]] as const,
  ),
]);

function isAtTraced({ fn, receiver, values }: Call): boolean {
  return Array.isArray(receiver) && (BOUNDED.get(fn) ?? []).some((position) => values[position] instanceof TensorProxy);
}

/**
 * The result of a call on an array that a branch or loop of the graph filled, or of a method that decides by what a
 * function gives, or is given a traced position; null for any other call.
 */
export function callOnFilled(asked: Call, site: Site, run: Run): { readonly result: unknown } | null {
  const { fn, receiver, values } = asked;
  const isDecided = Array.isArray(receiver) && DECIDING.has(fn) && !isByText(receiver, values);
  const isFilledReceiver = isFilledHere(receiver);
  const isBounded = isAtTraced(asked);
  if (isFilledReceiver || isBounded) checkWhole(receiver as unknown[], `${(fn as { name: string }).name}()`, site);
  if (isDecided || isBounded) {
    return { result: method((fn as { name: string }).name, receiver, values, site, run) };
  }
  const isAbout =
    isFilledReceiver || values.some((value) => isFilledHere(iterated(value)) || value instanceof GraphEntries);
  if (!isAbout) return null;
  for (const value of values) if (isFilledHere(value)) guardEntries(value);
  if (!isIntrinsic(fn)) checkSpread(values, site);
  if (!isIntrinsic(fn) || KEEPING.has(fn)) return null;
  const { name } = fn as { name: string };
  if ((fn === Math.max || fn === Math.min) && !values.some(Array.isArray)) {
    return { result: extreme(name as 'max' | 'min', values, site) };
  }
  const array = iterated(values[0]);
  if (fn === Array.from && isFilledHere(array)) {
    const [, map, ...others] = values;
    return { result: map ? method('map', array, [map, ...others], site, run) : method('slice', array, [], site, run) };
  }
  if (isFilledReceiver && fn === Reflect.get(Array.prototype, name) && Object.hasOwn(FILLED_METHODS, name)) {
    return { result: method(name, receiver, values, site, run) };
  }
  if (fn === Array.prototype.join || fn === Array.prototype.toString) throw text(name, site);
  throw unfollowed(`${name}()`, site);
}

function method(name: string, array: unknown, values: readonly unknown[], site: Site, run: Run): unknown {
  const ask: Run = (fn, self, given) => run(fn, self, takesOne(fn) ? given.slice(0, 1) : given);
  return FILLED_METHODS[name]!({ array: array as unknown[], values, site, run: ask });
}

/** Whether a function of JavaScript ignores the index and the array: `Math.abs`. */
function takesOne(fn: unknown): boolean {
  return typeof fn === 'function' && isIntrinsic(fn) && fn.length === 1;
}

function text(name: string, site: Site): TraceError {
  return new TraceError(
    `${name}() makes a text of the entries of an array that a branch or loop of the graph filled, but they are known only when the model runs. Return the array from the block, its entries saved, and use ${name}() on what the trace gives.`,
    site,
  );
}

/**
 * The arguments of a function or constructor, which takes them one by one.
 * @throws TraceError for entries of which only the run will tell how many they are
 */
export function checkSpread(values: readonly unknown[], site: Site): void {
  if (!values.some((value) => value instanceof GraphEntries)) return;
  throw new TraceError(
    'The entries of an array that a branch or loop of the graph filled are given to a function one by one: how many there are is known only when the model runs. Give it the array.',
    site,
  );
}
