import { TraceError } from '../errors.ts';
import type { Site } from '../graph/types.ts';
import { Tensor } from '../tensor/tensor.ts';
import { activeBuilder } from '../tracing/builder.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import { binary } from './binary.ts';
import { and, or } from './conditionals.ts';
import { checkSpread } from './filled-arrays.ts';
import { entryAround, perhapsEntry } from './filled-reads.ts';
import { beforeNext, goesThrough, throughAll } from './going-through.ts';
import { resolveCall } from './indirect-calls.ts';
import { checkKey, checkLength, KEYED } from './keys.ts';
import { isScalar, typeof_ } from './kinds.ts';
import { checkCopied } from './leaving.ts';
import { log } from './log.ts';
import { includes, indexOf, isTracedSearch, lastIndexOf } from './look-ups.ts';
import { math } from './math.ts';
import { checkArray } from './no-number.ts';
import { asCondition, asScalar } from './of-results.ts';
import { native } from './plain-values.ts';
import { primitive } from './primitives.ts';
import { textError } from './text-error.ts';
import { truthOf } from './truth.ts';
import { unary } from './unary.ts';

/** The meaning of a call of a JavaScript function whose arguments may be traced. */
type Meaning = (receiver: unknown, values: readonly unknown[], site: Site) => unknown;

type Function_ = (...values: unknown[]) => unknown;

const meanings = new Map<unknown, Meaning>();

/** The meaning of a function of JavaScript, if it has one of its own in a block. */
export function builtin(fn: unknown): Meaning | undefined {
  const method = consoleMethod(fn);
  return meanings.get(fn) ?? (method && ((_, values, site) => log(method, values, site)));
}

/** Which method of the console a function is. Tests and loggers replace them. */
export function consoleMethod(fn: unknown): (typeof CONSOLE)[number] | undefined {
  return CONSOLE.find((name) => console[name] === fn);
}

const CONSOLE = ['log', 'info', 'warn', 'error', 'debug'] as const;

for (const name of Object.getOwnPropertyNames(Math)) {
  const fn: unknown = Reflect.get(Math, name);
  if (typeof fn === 'function') meanings.set(fn, (_, values, site) => math(name, values, site));
}

/** Functions that need a value at once: a traced tensor has none yet. */
const LOOKING = [
  ...['Boolean', 'Number', 'String', 'BigInt', 'parseInt', 'parseFloat', 'isNaN', 'isFinite'],
  ...['isNaN', 'isFinite', 'isInteger', 'isSafeInteger'].map((name) => `Number.${name}`),
];

/** Those that make a number of an object. */
const CONVERTING: ReadonlySet<string> = new Set(['Number', 'isNaN', 'isFinite']);

/** Those that make a number of what they are given. */
const MAKING: ReadonlySet<string> = new Set([...CONVERTING, 'BigInt', 'parseInt', 'parseFloat']);

/** What some of them give for a traced number. */
const OF_NUMBERS: Readonly<Record<string, (x: unknown, site: Site) => unknown>> = {
  Boolean: truthOf,
  Number: (x, site) => unary('+', x, site),
  isNaN: (x, site) => binary('!==', x, x, site),
  isFinite: (x, site) => binary('===', binary('-', x, x, site), 0, site),
  isInteger: (x, site) => binary('===', binary('-', x, math('floor', [x], site), site), 0, site),
};

for (const name of LOOKING) {
  const fn = name.split('.').reduce((at: object, key) => Reflect.get(at, key), globalThis) as Function_;
  const ofNumber = OF_NUMBERS[name.replace('Number.', '')];
  const kinds: readonly unknown[] = fn === Number || fn === Boolean ? ['number', 'boolean'] : ['number'];
  meanings.set(fn, (receiver, given, site) => {
    if (MAKING.has(name)) checkArray(given[0], 'tensor(array)', site);
    if (!activeBuilder()) return Reflect.apply(fn, receiver, ofResults(fn, given, site));
    const values = CONVERTING.has(name) ? given.map((value) => primitive(value, 'number', site)) : given;
    return ofNumber && isTracedSearch(null, values) && kinds.includes(typeof_(values[0], site))
      ? ofNumber(values[0], site)
      : Reflect.apply(fn, receiver, native(name, values, site));
  });
}

/** Outside of a block: results as what is in them. */
function ofResults(fn: Function_, values: readonly unknown[], site: Site): readonly unknown[] {
  if (fn === Boolean) return values.map((value) => asCondition(value, site));
  return fn === String ? values : values.map(asScalar);
}

/** Methods that a function decides for, where the graph does not: outside of a block. */
for (const name of ['filter', 'find', 'findIndex', 'findLast', 'findLastIndex', 'some', 'every']) {
  const fn = Reflect.get(Array.prototype, name) as Function_;
  meanings.set(fn, (receiver, [decide, ...others], site) => {
    const [meant] = withMeanings([decide], site);
    function isTrue(this: unknown, ...items: unknown[]): unknown {
      return asCondition(Reflect.apply(meant as Function_, this, items), site);
    }
    return Reflect.apply(fn, receiver, [typeof decide === 'function' ? isTrue : decide, ...others]);
  });
}

/** Methods of arrays that pass the elements to a function. */
for (const fn of [[].map, [].flatMap, [].forEach, [].reduce, [].reduceRight] as Function_[]) {
  meanings.set(fn, (receiver, values, site) =>
    throughAll(receiver, withMeanings(values, site), site, (given) => Reflect.apply(fn, receiver, given)),
  );
}

/** Iterators over arrays. */
for (const fn of [[].values, [].keys, [].entries] as Function_[]) {
  meanings.set(fn, (receiver) => {
    const iterator = Reflect.apply(fn, receiver, []) as Iterator<unknown>;
    return Array.isArray(receiver) && activeBuilder() ? goesThrough(iterator, receiver, fn !== [].values) : iterator;
  });
}

const { next: nextOfArray } = Object.getPrototypeOf([].values()) as { readonly next: Function_ };

meanings.set(nextOfArray, (receiver, values, site) => {
  beforeNext(receiver as object, site);
  const result = Reflect.apply(nextOfArray, receiver, values) as IteratorResult<unknown>;
  checkSpread([result.value], site);
  return result;
});

const SEVERAL_NUMBERS: ReadonlySet<unknown> = new Set<unknown>([Math.max, Math.min, Math.hypot]);

/** JavaScript hands a position and the whole array on, too, and takes them for numbers. */
function givenAll({ name }: Function_, site: Site): TraceError {
  return new TraceError(
    `Math.${name} would be given not only an element, but its position and the whole array, too. Say what it is to be given: (x) => Math.${name}(x, …).`,
    site,
  );
}

/** Functions of JavaScript among the arguments have the same meaning as in a block: `xs.map(Math.abs)`. */
function withMeanings(values: readonly unknown[], site: Site): readonly unknown[] {
  return values.map((value) => {
    if (typeof value !== 'function') return value;
    const { fn, receiver, values: first } = resolveCall({ fn: value, receiver: undefined, values: [] });
    const meaning = builtin(fn);
    if (!meaning) return value;
    return (...items: unknown[]) => {
      const isOfSeveral = activeBuilder() && SEVERAL_NUMBERS.has(fn) && items.some((item) => Array.isArray(item));
      if (isOfSeveral) throw givenAll(fn as Function_, site);
      return meaning(receiver, [...first, ...items], site);
    };
  });
}

/** A search outside of a block, or among what is no number of it. */
function foundNow(fn: Function_, list: unknown, [wanted, ...from]: readonly unknown[]): unknown {
  const isPlain = activeBuilder() || !Array.isArray(list) || ![wanted, ...list].some((one) => one instanceof Tensor);
  return Reflect.apply(fn, isPlain ? list : list.map(asScalar), [isPlain ? wanted : asScalar(wanted), ...from]);
}

/** Searches, by the value that a traced number will have. */
const SEARCHES = { includes, indexOf, lastIndexOf };

for (const [name, search] of Object.entries(SEARCHES)) {
  for (const prototype of [Array.prototype, Object.getPrototypeOf(Uint8Array.prototype)]) {
    const fn = Reflect.get(prototype, name) as Function_;
    meanings.set(fn, (receiver, values, site) =>
      isTracedSearch(receiver, values) ? search(receiver as [], values, site) : foundNow(fn, receiver, values),
    );
  }
}

for (const fn of [Map.prototype.has, Set.prototype.has] as Function_[]) {
  meanings.set(fn, (receiver, values, site) =>
    isTracedSearch(null, values)
      ? includes([...(receiver as Set<unknown>).keys()], values, site)
      : Reflect.apply(fn, receiver, [keyOf(receiver as Set<unknown>, values[0])]),
  );
}

/** What a result outside of a block is found by: itself, if it is a key. */
function keyOf(keyed: Pick<Set<unknown>, 'has'>, wanted: unknown): unknown {
  return activeBuilder() || keyed.has(wanted) ? wanted : asScalar(wanted);
}

meanings.set(Object.is, (_, given, site) => {
  const [a, b] = [asScalar(given[0]), asScalar(given[1])];
  const areScalars = [a, b].every((one) => !(one instanceof TensorProxy) || typeof_(one, site) !== 'object');
  if (areScalars && [a, b].some((one) => one instanceof TensorProxy)) return isSameValue(a, b, site);
  return Object.is(...(native('Object.is', [a, b], site) as [unknown, unknown]));
});

/** Whether two values are the same: NaN is, and 0 is not -0. */
function isSameValue(a: unknown, b: unknown, site: Site): unknown {
  const isEqual = binary('===', a, b, site);
  if (typeof_(a, site) !== 'number' || typeof_(b, site) !== 'number') return isEqual;
  const ofSign = (x: unknown) => binary('/', 1, x, site);
  const isAlike = or(binary('!==', a, 0, site), () => binary('===', ofSign(a), ofSign(b), site), site);
  const areNaN = and(binary('!==', a, a, site), () => binary('!==', b, b, site), site);
  return or(
    and(isEqual, () => isAlike, site),
    () => areNaN,
    site,
  );
}

/** What functions of JavaScript about objects say of a number or truth value; null: it is an error of JavaScript's own. */
const OF_PRIMITIVES: readonly (readonly [
  fn: unknown,
  name: string,
  answer: ((x: unknown, site: Site) => unknown) | null,
])[] = [
  [Object.getPrototypeOf, 'Object.getPrototypeOf', prototypeOf],
  [Object.isFrozen, 'Object.isFrozen', () => true],
  [Object.isSealed, 'Object.isSealed', () => true],
  [Object.isExtensible, 'Object.isExtensible', () => false],
  [Object.freeze, 'Object.freeze', (x) => x],
  [Object.seal, 'Object.seal', (x) => x],
  [Object.preventExtensions, 'Object.preventExtensions', (x) => x],
  [Object.setPrototypeOf, 'Object.setPrototypeOf', (x) => x],
  [Object, 'Object', null],
  [Reflect.getPrototypeOf, 'Reflect.getPrototypeOf', null],
  [Reflect.has, 'Reflect.has', null],
  [Reflect.ownKeys, 'Reflect.ownKeys', null],
  [Reflect.isExtensible, 'Reflect.isExtensible', null],
];

for (const [fn, name, answer] of OF_PRIMITIVES) {
  meanings.set(fn, (receiver, values, site) => {
    const [x] = values;
    if (!isScalar(x, name, site)) return Reflect.apply(fn as Function_, receiver, values);
    if (answer) return answer(x, site);
    throw new TraceError(
      `${name}() asks for an object, and a traced number is none. Leave it out: a number has no keys and no prototype of its own.`,
      site,
    );
  });
}

meanings.set(Object.prototype.toString, (receiver, _, site) =>
  Object.prototype.toString.call(isScalar(receiver, 'toString', site) ? prototypeOf(receiver, site) : receiver),
);

function prototypeOf(x: unknown, site: Site): unknown {
  return typeof_(x, site) === 'boolean' ? Boolean.prototype : Number.prototype;
}

for (const { prototype } of [Number, Boolean]) {
  for (const name of Object.getOwnPropertyNames(prototype)) {
    const fn: unknown = Reflect.get(prototype, name);
    if (name === 'constructor' || typeof fn !== 'function') continue;
    meanings.set(fn, (receiver, values, site) => {
      if (!isScalar(receiver, name, site)) return Reflect.apply(fn, receiver, values);
      if (name === 'valueOf' && prototypeOf(receiver, site) === prototype) return receiver;
      throw name === 'valueOf'
        ? new TraceError(`${prototype.constructor.name}.prototype.valueOf is called on a value of another kind.`, site)
        : textError(`is given to ${name}()`, site);
    });
  }
}

meanings.set(Map.prototype.get, (receiver, values, site) => {
  const map = receiver as Map<unknown, unknown>;
  const keys = [...map.keys()];
  // A key that is NaN is found by no comparison.
  if (!isTracedSearch(null, values) || keys.some(Number.isNaN)) {
    checkKey('Map.get()', values[0], 'Compare the keys with if/else, or keep the values in an array.', site);
    return map.get(keyOf(map, values[0]));
  }
  const index = indexOf(keys, values, site);
  return perhapsEntry([...map.values()], index, binary('>=', index, 0, site), site);
});

for (const [prototype, name, remedy] of KEYED) {
  const fn = Reflect.get(prototype, name) as Function_;
  meanings.set(fn, (receiver, values, site) => {
    checkKey(`${prototype.constructor.name}.${name}()`, values[0], remedy, site);
    return Reflect.apply(fn, receiver, values);
  });
}

meanings.set(Array.prototype.at, (receiver, values, site) =>
  Array.isArray(receiver) && isTracedSearch(null, values)
    ? entryAround(receiver, values[0], site)
    : Reflect.apply(Array.prototype.at, receiver, values as [number]),
);

meanings.set(Array, (_, values, site) => {
  if (values.length === 1) checkLength('Array()', values[0], site);
  // One number is a length, so this is no array literal.
  return Reflect.apply(Array, undefined, values);
});

meanings.set(Array.from, (receiver, values, site) => {
  const [list, ...others] = values as [ArrayLike<unknown>, ...unknown[]];
  if (list instanceof Object && !(Symbol.iterator in list)) checkLength('Array.from()', list.length, site);
  return Reflect.apply(Array.from, receiver, [list, ...withMeanings(others, site)]);
});

const generators: { readonly next: Function_ } = Object.getPrototypeOf(Object.getPrototypeOf((function* () {})()));

meanings.set(generators.next, (receiver, values, site) => {
  const result = Reflect.apply(generators.next, receiver, values) as IteratorResult<unknown>;
  // What `yield*` hands on of an array that the graph filled: for…of and spreads go through it.
  checkSpread([result.value], site);
  return result;
});

meanings.set(structuredClone, (_, values, site) => {
  checkCopied(values[0], site);
  return Reflect.apply(structuredClone, undefined, values as [unknown]);
});

for (const name of ['toString', 'toLocaleString'] as const) {
  meanings.set(TensorProxy.prototype[name], (_, __, site) => {
    throw textError(`is made a text by ${name}()`, site);
  });
}
