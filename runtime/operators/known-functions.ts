import { TraceError } from '../errors.ts';
import type { Site } from '../graph/types.ts';
import { isHarmless } from '../tracing/harmless.ts';
import { isModule } from '../tracing/model.ts';
import { isCompiled } from './blocks.ts';
import { isIntrinsic } from './intrinsics.ts';

/** Functions of JavaScript that change nothing, by name; `getTime`, `toString`, `isArray` and their like are others. */
const READING = new Set(
  'at concat entries every filter find findIndex findLast findLastIndex flat flatMap forEach get has includes indexOf join keys lastIndexOf map reduce reduceRight slice some subarray values with from of hasOwn hasOwnProperty is propertyIsEnumerable valueOf fromEntries create groupBy ownKeys stringify parse structuredClone [Symbol.iterator]'.split(
    ' ',
  ),
);

/** The objects of JavaScript whose functions may change what they are given. */
const HOLDERS: readonly object[] = [
  ...[Array, Map, Set, WeakMap, WeakSet, Date, RegExp, DataView].map((type) => type.prototype),
  ...[Object.getPrototypeOf(Int8Array.prototype), Reflect, Object],
];

/** Whether a function of JavaScript changes nothing. */
export function isReading(fn: object): boolean {
  const { name } = fn as { name: string };
  return READING.has(name) || /^(get|is|to)[A-Z]/.test(name);
}

/** Refuses a function that JavaScript calls itself, of which it is not known what it changes. */
export function checkCalledBack(fn: object, site: Site | null): void {
  checkKnown(fn, site);
  const { name } = fn as { name: string };
  const isOfHolder = HOLDERS.some((one) => Object.getOwnPropertyDescriptor(one, name)?.value === fn);
  if (!isOfHolder || isReading(fn)) return;
  throw new TraceError(
    `${name}() of JavaScript stands where JavaScript itself calls it, in a branch or loop that depends on a traced value, so that what it changes cannot be put back. Write a function that calls it: (value) => object.${name}(value).`,
    site,
  );
}

/** Refuses a function whose effects are not known. */
export function checkKnown(fn: object, site: Site | null): void {
  const isAsync = /^\[object Async/.test(Object.prototype.toString.call(fn));
  if (isAsync && !isHarmless(fn)) {
    throw new TraceError(
      `${nameOf(fn)} is asynchronous and called in a branch or loop that depends on a traced value, which is over before it goes on. Call it before the trace.`,
      site,
    );
  }
  if (isCompiled(fn) || isHarmless(fn) || isModule(fn) || isIntrinsic(fn)) return;
  throw new TraceError(
    `${nameOf(fn)} was not compiled and is called in a branch or loop that depends on a traced value: what it changes would be changed even where that does not run. Put the directive 'use trace' at its top; if it is a library's and changes nothing that others can see, say so with pure() of onnsight; or call it before.`,
    site,
  );
}

function nameOf(fn: object): string {
  const { name } = fn as { name?: unknown };
  return typeof name === 'string' && name !== '' ? `The function ${name}` : 'A function without a name';
}
