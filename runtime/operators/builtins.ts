import type { Site } from '../graph/types.ts';
import { activeBuilder } from '../tracing/builder.ts';
import { ArraySlot } from '../tracing/slots.ts';
import { log } from './log.ts';
import { math } from './math.ts';
import { native, predicate } from './plain-values.ts';

/** What a call of a function of JavaScript means where traced values may be among its arguments. */
type Meaning = (receiver: unknown, values: readonly unknown[], site: Site) => unknown;

type Function_ = (...values: unknown[]) => unknown;

const meanings = new Map<unknown, Meaning>();

/** The meaning of a function of JavaScript, if it has one of its own in a block. */
export function builtin(fn: unknown): Meaning | undefined {
  const known = meanings.get(fn);
  if (known) return known;
  // Tests and loggers replace the functions of the console.
  const method = CONSOLE.find((name) => console[name] === fn);
  return method && ((_, values, site) => log(method, values, site));
}

const CONSOLE = ['log', 'info', 'warn', 'error', 'debug'] as const;

for (const name of Object.getOwnPropertyNames(Math)) {
  const fn: unknown = Reflect.get(Math, name);
  if (typeof fn === 'function') meanings.set(fn, (_, values, site) => math(name, values, site));
}

/** Functions that look at a value at once: of a traced tensor there is none yet. */
const LOOKING = [
  ...['Boolean', 'Number', 'String', 'BigInt', 'parseInt', 'parseFloat', 'isNaN', 'isFinite', 'Object.is'],
  ...['isNaN', 'isFinite', 'isInteger', 'isSafeInteger'].map((name) => `Number.${name}`),
];

for (const name of LOOKING) {
  const fn = name.split('.').reduce((at: object, key) => Reflect.get(at, key), globalThis) as Function_;
  meanings.set(fn, (receiver, values, site) => Reflect.apply(fn, receiver, native(name, values, site)));
}

/** Methods of arrays that decide by what a function returns. */
const DECIDING = ['filter', 'find', 'findIndex', 'findLast', 'findLastIndex', 'some', 'every', 'sort', 'toSorted'];

for (const name of DECIDING) {
  const fn: unknown = Reflect.get(Array.prototype, name);
  // Older releases of Node lack some.
  if (typeof fn !== 'function') continue;
  meanings.set(fn, (receiver, values, site) => Reflect.apply(fn, receiver, predicate(name, values, site)));
}

/** `array.push(…items)`: in a traced branch or loop the entries become part of the graph. */
meanings.set(Array.prototype.push, (receiver, values) => {
  const target = activeBuilder();
  if (target?.conditional && Array.isArray(receiver)) target.note(ArraySlot.of(receiver));
  return Reflect.apply(Array.prototype.push, receiver, values);
});
