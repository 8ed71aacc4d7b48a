/** The objects of JavaScript whose functions change their receiver and arguments at most, and do nothing later. */
const NAMES = [
  ...['Object', 'Function', 'Array', 'Number', 'Boolean', 'String', 'Symbol', 'BigInt', 'Math', 'Date', 'RegExp'],
  ...['Error', 'TypeError', 'RangeError', 'SyntaxError', 'ReferenceError', 'EvalError', 'URIError', 'AggregateError'],
  ...['JSON', 'Reflect', 'Map', 'Set', 'WeakMap', 'WeakSet', 'ArrayBuffer', 'DataView', 'Intl', 'Iterator'],
  ...['Int8Array', 'Uint8Array', 'Uint8ClampedArray', 'Int16Array', 'Uint16Array', 'Int32Array', 'Uint32Array'],
  ...['Float16Array', 'Float32Array', 'Float64Array', 'BigInt64Array', 'BigUint64Array'],
  ...['parseInt', 'parseFloat', 'isNaN', 'isFinite', 'encodeURI', 'encodeURIComponent', 'decodeURI'],
  ...['decodeURIComponent', 'structuredClone'],
];

/** Prototypes that have no name. */
const UNNAMED = [
  [][Symbol.iterator](),
  new Map()[Symbol.iterator](),
  new Set()[Symbol.iterator](),
  ''[Symbol.iterator](),
  'a'.matchAll(/a/g),
  (function* () {})(),
].flatMap((iterator) => chain(Object.getPrototypeOf(iterator)));

let found: Set<object> | null = null;

/** Whether a function is JavaScript's own, or an object of the language that holds such functions. */
export function isIntrinsic(fn: object): boolean {
  found ??= findAll();
  return found.has(fn);
}

/** Gives a function that is put in the place of one of JavaScript's own, as which it counts from here on. */
export function inPlaceOf<T extends object>(own: object, fn: T): T {
  if (isIntrinsic(own)) found!.add(fn);
  return fn;
}

function findAll(): Set<object> {
  const all = new Set<object>();
  const seen = new Set<unknown>();
  const visit = (value: unknown): void => {
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null || seen.has(value)) return;
    seen.add(value);
    if (typeof value === 'function' && isNative(value)) all.add(value);
    for (const part of Object.values(Object.getOwnPropertyDescriptors(value)).flatMap(partsOf)) visit(part);
    for (const key of Object.getOwnPropertySymbols(value)) {
      for (const part of partsOf(Object.getOwnPropertyDescriptor(value, key)!)) visit(part);
    }
  };
  for (const one of NAMES.map((name) => Reflect.get(globalThis, name))) {
    chain(one).forEach(visit);
    // JSON, Math, Reflect: the receivers of their functions.
    if (typeof one === 'object') all.add(one);
  }
  UNNAMED.forEach(visit);
  return all;
}

/** Whether a function is the engine's own, and not one that a program has added. */
function isNative(fn: object): boolean {
  return /\[native code\]\s*\}$/.test(Function.prototype.toString.call(fn));
}

function partsOf({ value, get, set }: PropertyDescriptor): unknown[] {
  return [value, get, set];
}

/** An object and its prototypes. */
function chain(object: unknown): object[] {
  if ((typeof object !== 'object' && typeof object !== 'function') || object === null) return [];
  return [object, ...chain(Object.getPrototypeOf(object))];
}
