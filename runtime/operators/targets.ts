import { TraceError } from '../errors.ts';
import type { Site } from '../graph/types.ts';
import { activeBuilder } from '../tracing/builder.ts';
import { checkCopy } from '../tracing/copies.ts';
import type { Slot } from '../tracing/journal.ts';
import { guardEntries } from '../tracing/lists.ts';
import { described, each, settled, varyingOf } from '../tracing/varying.ts';
import { getitem, setitem } from './access.ts';
import { fresh } from './blocks.ts';
import { checkIterator, noteProperty } from './effects.ts';
import { isFilledHere } from './filled-here.ts';
import { checkFilledWrite } from './filled-writes.ts';
import { checkGetters, checkIterated } from './implicit-calls.ts';
import { checkKnown } from './known-functions.ts';
import { checkKeysKnown } from './plain-values.ts';

/** `object[key]`, for JavaScript to assign to: in a pattern, or by an operator that is not lowered. */
export function place(object: unknown, key: unknown, site: Site): { value: unknown } {
  return {
    get value() {
      return getitem(object, key, site);
    },
    set value(value) {
      setitem(object, key, value, site);
    },
  };
}

/** A variable that several functions share, as a slot. */
export function variable(name: string, get: () => unknown, set: (value: unknown) => void): Slot {
  const slot = { name, get, set };
  activeBuilder()?.made(slot);
  return slot;
}

/** A variable that is about to be assigned. */
export function note(slot: Slot): void {
  activeBuilder()?.note(slot);
}

/**
 * A variable that is about to be assigned and has no slot: a function or class of another function.
 * @throws TraceError where the assignment would have to be put back
 */
export function unnoted(name: string, site: Site): void {
  if (!activeBuilder()?.isRecording) return;
  throw new TraceError(
    `'${name}' is assigned by another function in a branch or loop that depends on a traced value, and cannot be put back where that does not run. Declare it with let: let ${name} = ….`,
    site,
  );
}

/** An object whose property is about to be set by JavaScript itself. */
export function touch(object: object, key: PropertyKey): void {
  const target = activeBuilder();
  checkFilledWrite(object, key, target?.site ?? null);
  checkCopy(object, target?.site ?? null);
  if (target?.isRecording) noteProperty(target, object, key);
}

/** An object whose private field is about to be set: only its class can read and set it. `id` is where it is declared. */
export function field<T extends object>(
  object: T,
  id: Site,
  get: (object: T) => unknown,
  set: (object: T, value: unknown) => void,
): T {
  const target = activeBuilder();
  if (!target?.isRecording) return object;
  const slot = target.slots.of(object, field, id, () => ({
    name: 'a private field',
    owner: object,
    get: () => get(object),
    set: (value: unknown) => set(object, value),
  }));
  target.note(slot);
  return object;
}

/**
 * The tag of a template, which JavaScript itself calls.
 * @param receiver its `this`
 */
export function tag(fn: (...values: unknown[]) => unknown, receiver: unknown, site: Site) {
  const target = activeBuilder();
  if (target) target.site = site;
  if (target?.isRecording && typeof fn === 'function') checkKnown(fn, site);
  return receiver === undefined ? fn : (...values: unknown[]) => Reflect.apply(fn, receiver, values);
}

/** What an object's spread copies: `{ ...object }`. */
export function fields(given: unknown, site: Site): unknown {
  const object = settled(given);
  const target = activeBuilder();
  if (target) target.site = site;
  if (target?.isRecording) checkGetters(object, site);
  checkKeysKnown(object, site);
  return object;
}

/** What a pattern takes parts from: `[a, b] = values`. */
export function taken(given: unknown, site: Site): unknown {
  const values = settled(given);
  const target = activeBuilder();
  if (target) {
    target.site = site;
    checkIterator(target, values, site);
  }
  if (target?.isRecording) {
    checkIterated(values, site);
    checkGetters(values, site);
  }
  if (isFilledHere(values)) guardEntries(values);
  return values;
}

/** A value that JavaScript itself iterates over: `...values`, `yield* values`. */
export function items(given: unknown, site: Site): unknown {
  const values = settled(given);
  const target = activeBuilder();
  if (target) target.site = site;
  const varying = varyingOf(values);
  if (varying?.builder.open) {
    return items(
      each(varying, (one) => fresh([...(items(one, site) as Iterable<unknown>)])),
      site,
    );
  }
  if (target) checkIterator(target, values, site);
  if (target?.isRecording) checkIterated(values, site);
  if (target?.conditional && typeof Object(values)[Symbol.iterator] !== 'function') {
    throw new TraceError(
      `${described(values)} is not iterable, in a branch or loop that depends on a traced value.`,
      site,
    );
  }
  return isFilledHere(values) ? values.slice() : values;
}
