import { types } from 'node:util';
import { TraceError } from '../errors.ts';
import type { Site } from '../graph/types.ts';
import { GraphEntries, isFilled } from '../tracing/lists.ts';

/*
 * JavaScript goes through an array by position, in what the array has become meanwhile. Where a branch or loop of the graph
 * has changed it, only the run knows what stands at positions that are passed already, and so at which one it is now.
 */

type Check = (site: Site) => void;

/** What is to be asked before an iterator goes on. */
const checks = new WeakMap<object, Check>();

/**
 * Notes that an iterator of JavaScript's own goes through an array.
 * @param isCounting whether it gives positions: entries of which only the run knows how many there are have none
 */
export function goesThrough<T extends Iterator<unknown>>(
  iterator: T,
  array: readonly unknown[],
  isCounting = false,
): T {
  // What a program's own Proxy is asked may have an effect.
  if (types.isProxy(array)) return iterator;
  const passed: unknown[] = [];
  checks.set(iterator, (site) => {
    const isOther = (item: unknown, index: number) => array[index] instanceof GraphEntries && array[index] !== item;
    const isFilledNow: boolean = isFilled(array);
    const next = isFilledNow ? array[passed.length] : undefined;
    const isOpen = isCounting && next instanceof GraphEntries;
    if (isFilledNow && (isOpen || passed.some(isOther))) throw changedMeanwhile(site);
    passed.push(next);
  });
  return iterator;
}

/** Notes that an iterator goes through what was made of an array, which is to stay as it is. */
export function goesThroughCopy<T extends Iterator<unknown>>(iterator: T, array: readonly unknown[]): T {
  const parts = array.slice();
  checks.set(iterator, (site) => {
    if (!isUnchanged(array, parts)) throw changedMeanwhile(site);
  });
  return iterator;
}

/** @throws TraceError if only the run knows where in its array an iterator is */
export function beforeNext(iterator: object, site: Site): void {
  checks.get(iterator)?.(site);
}

/**
 * Runs a method of JavaScript's that gives the elements of an array to a function.
 * @throws TraceError if a branch or loop of the graph has changed what it goes through
 */
export function throughAll<T>(
  receiver: unknown,
  values: readonly unknown[],
  site: Site,
  run: (values: readonly unknown[]) => T,
): T {
  if (!Array.isArray(receiver) || types.isProxy(receiver)) return run(values);
  const count = receiver.length;
  const check = () => {
    if (isFilled(receiver) && isFilled(receiver.slice(0, count))) throw changedMeanwhile(site);
  };
  const checking = (fn: unknown) =>
    typeof fn !== 'function'
      ? fn
      : function (this: unknown, ...items: unknown[]): unknown {
          check();
          return Reflect.apply(fn, this, items);
        };
  const result = run(values.map(checking));
  check();
  return result;
}

export function isUnchanged(array: readonly unknown[], parts: readonly unknown[]): boolean {
  return array.length === parts.length && parts.every((part, position) => part === array[position]);
}

export function changedMeanwhile(site: Site): TraceError {
  return new TraceError(
    'An array is changed by the function or loop that goes through it. Change another array, or go through a copy: array.slice().',
    site,
  );
}
