import { TraceError } from '../errors.ts';
import type { Value } from '../graph/types.ts';
import { ownProxy, standsBehind } from '../own-proxies.ts';
import type { Builder } from './builder.ts';
import { callerSite } from './caller.ts';
import { inner } from './hidden.ts';
import { TensorProxy } from './proxy.ts';
import type { State } from './slots.ts';

/** One of the values that a varying one may be, and the truth value (bool, no dimensions) that says whether it is. */
export interface Case {
  readonly test: Value;
  readonly value: unknown;
}

/** A varying value: its name and its cases. */
export class Varying {
  readonly builder: Builder;
  /** What the user calls it. */
  readonly name: string;
  /** Exactly one of them holds. */
  readonly cases: readonly Case[];
  /** The one that did, once the trace has run and if that is known. */
  outcome: Case | null = null;
  /** The value for code that needs one; the run fails where there is none. Null: such code is refused. */
  sure: (() => unknown) | null;

  constructor(builder: Builder, name: string, cases: readonly Case[], sure: Varying['sure']) {
    this.builder = builder;
    this.name = name;
    this.cases = cases;
    this.sure = sure;
  }
}

/** Functions of the operators that varying values need. */
export interface Uses {
  /** Applies `use` to the value that it is. */
  distribute(
    varying: Pick<Varying, 'builder' | 'cases'>,
    use: (value: unknown) => unknown,
    state?: State | null,
  ): unknown;
}

export let uses: Uses;

export function setUses(given: Uses): void {
  uses = given;
}

/**
 * A value that is one of several, depending on traced conditions, for which no single tensor can stand: undefined or a
 * tensor, one text or another, one object or another. Operators ask which it is; what else is done with it is done with
 * whichever it is, or is an error.
 */
export function vary(builder: Builder, name: string, cases: readonly Case[], sure: Varying['sure'] = null): unknown {
  const varying = new Varying(builder, name, cases, sure);
  builder.varyings.push(varying);
  const made: object = ownProxy(
    inert,
    handler(varying, () => made),
    varying,
  );
  return made;
}

/** The cases of a value that varies; null if it does not. */
export function varyingOf(value: unknown): Varying | null {
  const stands = typeof value === 'function' ? standsBehind(value) : null;
  return stands instanceof Varying ? stands : null;
}

/** The methods that were read from varying values, with their names. */
const methods = new WeakMap<object, PropertyKey>();

/** The name of a method that was read from a varying value; undefined for other functions. */
export function methodName(fn: unknown): PropertyKey | undefined {
  return typeof fn === 'function' ? methods.get(fn) : undefined;
}

/** The value that it is known to be where the code runs now, by the conditions around; else the value itself. */
export function settled(value: unknown): unknown {
  if (value instanceof TensorProxy) {
    const plain = value[inner].plain?.find(({ test, is }) => value[inner].builder.scope.knows(test) === is);
    return plain ? plain.value : value;
  }
  const varying = varyingOf(value);
  if (!varying) return value;
  if (!varying.builder.open) return varying.outcome ? settled(varying.outcome.value) : value;
  const { name, builder, cases } = varying;
  const holding = cases.find(({ test }) => builder.scope.knows(test) === true);
  if (holding) return settled(holding.value);
  const possible = cases.filter(({ test }) => builder.scope.knows(test) !== false);
  if (possible.length === 1) return settled(possible[0]!.value);
  return possible.length < cases.length ? vary(builder, name, possible, varying.sure) : value;
}

/** Does something with whichever of the values it is, where that is for objects and tensors, not for undefined and null. */
export function each(varying: Varying, use: (value: unknown) => unknown): unknown {
  if (varying.cases.some(({ value }) => value === undefined || value === null)) return use(sureOf(varying));
  return uses.distribute(varying, use);
}

/** A value that is undefined where it is not there. Code that needs one makes it by `sure`, which fails the run there. */
export function assured(value: unknown, sure: () => unknown): unknown {
  const varying = varyingOf(value);
  if (varying) varying.sure = sure;
  return value;
}

/** A varying value for code that needs one. @throws TraceError where that would have to know which it is */
export function sureOf(varying: Varying): unknown {
  if (!varying.sure) throw varies(varying);
  return varying.sure();
}

/** The error for a varying value that is used as if it were one. */
export function varies({ name, cases, builder: { site } }: Varying): TraceError {
  const isLacking = cases.some(({ value }) => value === undefined);
  const what = isLacking
    ? `has a value only if a traced condition holds or a loop runs. Give it a value before the statement, or ask first whether it is undefined.`
    : `is ${cases.map(({ value }) => described(value)).join(' or ')}, depending on a traced condition, and cannot be used as if it were one of them. Ask with if which it is.`;
  return new TraceError(`'${name}' ${what}`, site ?? callerSite());
}

export function described(value: unknown): string {
  if (value instanceof TensorProxy || typeof value === 'number' || typeof value === 'boolean') return 'a tensor';
  if (value === null || value === undefined || typeof value === 'string') return JSON.stringify(value) ?? 'undefined';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? `an object (${value.constructor?.name})` : `a ${typeof value}`;
}

/** What proxies of varying values stand before: a function, so that a varying function can be called. */
const inert = (): void => {};
// What Node prints of a proxy is asked of what stands behind it, with the proxy as `this`.
Object.assign(inert, {
  [Symbol.for('nodejs.util.inspect.custom')](this: unknown): string {
    const value = settled(this);
    return varyingOf(value) ? 'a value of a trace that has ended' : String(value);
  },
});

function handler(varying: Varying, self: () => object): ProxyHandler<typeof inert> {
  const { builder, cases } = varying;
  /** The only possible value; null if there are several. */
  const one = (): { readonly value: unknown } | null => {
    const value = settled(self());
    return varyingOf(value) ? null : { value };
  };
  const refuse = (): never => {
    throw varies(varying);
  };
  const whichever = (use: (value: unknown) => unknown): unknown => {
    const only = one();
    if (only) return use(only.value);
    return builder.open ? each(varyingOf(settled(self()))!, use) : refuse();
  };
  const member = (key: PropertyKey): unknown => whichever((value) => memberOf(value, key));
  return {
    get(_, key) {
      const only = one();
      // JavaScript itself asks for these where it makes a text, a number or JSON of a value, or goes through its items.
      if (key === 'toJSON') return () => asJson((only ?? refuse()).value);
      if (!only && (key === Symbol.toPrimitive || key === Symbol.iterator)) return refuse();
      const values = only ? [only.value] : cases.map(({ value }) => value);
      if (!values.every((value) => hasMethod(value, key))) return member(key);
      const method = (...args: unknown[]): unknown =>
        whichever((value) => Reflect.apply(memberOf(value, key) as () => unknown, value, args));
      methods.set(method, key);
      return method;
    },
    apply: (_, receiver, args) => whichever((value) => Reflect.apply(value as () => unknown, receiver, args)),
    set: refuse,
    has(_, key) {
      const only = builder.open ? null : one();
      return Reflect.has(Object((only ?? refuse()).value), key);
    },
    getPrototypeOf() {
      const value = builder.open ? undefined : varying.outcome?.value;
      return Object(value) === value ? Reflect.getPrototypeOf(value as object) : Function.prototype;
    },
    ownKeys() {
      const only = one();
      const [keys, ...others] = (only ? [only] : cases).map(({ value }) => keysOf(value));
      const isSame = (other: typeof keys) => JSON.stringify(keys) === JSON.stringify(other);
      return keys && others.every(isSame) ? keys : refuse();
    },
    getOwnPropertyDescriptor: (_, key) => ({
      value: member(key),
      enumerable: true,
      configurable: true,
      writable: true,
    }),
    construct: refuse,
    deleteProperty: refuse,
    defineProperty: refuse,
    setPrototypeOf: refuse,
    preventExtensions: refuse,
  };
}

/** What JSON.stringify makes a text of. */
function asJson(value: unknown): unknown {
  const { toJSON } = Object(value) as { toJSON?: unknown };
  return typeof toJSON === 'function' ? Reflect.apply(toJSON, value, []) : value;
}

/** Whether a member is a method. A getter is not asked: what it does belongs to the branch where it is read. */
function hasMethod(value: unknown, key: PropertyKey): boolean {
  if (value === undefined || value === null) return false;
  for (let at: unknown = Object(value); at !== null; at = Object.getPrototypeOf(at)) {
    const found = Object.getOwnPropertyDescriptor(at, key);
    if (found) return typeof found.value === 'function' && varyingOf(found.value) === null;
  }
  return false;
}

/** The keys of a plain object or array that can be gone through; null of anything else. */
function keysOf(value: unknown): string[] | null {
  if (typeof value !== 'object' || value === null || value instanceof TensorProxy) return null;
  return Reflect.ownKeys(value).every((key) => typeof key === 'string') ? Object.keys(value) : null;
}

function memberOf(value: unknown, key: PropertyKey): unknown {
  return value === undefined || value === null ? undefined : Reflect.get(Object(value), key, value);
}
