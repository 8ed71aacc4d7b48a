import { TraceError } from '../errors.ts';
import type { Site } from '../graph/types.ts';
import { activeBuilder } from '../tracing/builder.ts';
import { closedForPattern } from '../tracing/closed-objects.ts';
import { checkCopy } from '../tracing/copies.ts';
import type { Slot } from '../tracing/journal.ts';
import type { State } from '../tracing/slots.ts';
import { described, each, settled, varyingOf } from '../tracing/varying.ts';
import { getitem, setitem } from './access.ts';
import { noteAsked, noteTakenApart } from './asked-objects.ts';
import { fresh } from './blocks.ts';
import { call } from './calls.ts';
import { checkIterator, noteProperty } from './effects.ts';
import { isFilledHere } from './filled-here.ts';
import { iterated } from './filled-iterators.ts';
import { takenOfFilled } from './filled-patterns.ts';
import { checkFilledWrite } from './filled-writes.ts';
import { beforeNext, goesThrough } from './going-through.ts';
import { asName, checkIterated, checkWritten } from './implicit-calls.ts';
import { withKnownEnd } from './iterator-results.ts';
import { holdsFilled } from './leaving.ts';
import { setsOutside } from './outside.ts';
import { checkKeysKnown } from './plain-values.ts';
import { there } from './there.ts';
import { above, checkGetters, checkSetter } from './user-objects.ts';

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
  const target = activeBuilder();
  const slot = { name, get, set, isOutside: target === null };
  target?.made(slot);
  return slot;
}

/** The variables that a part of the code may assign, by name, and what reads and sets all of them. */
export function state(names: readonly string[], get: State['get'], set: State['set']): State {
  return { names, get, set };
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

/** The key of `super[key]`, which is about to be set in a method with this `this`. */
export function touch(object: object, by: unknown, site: Site): unknown {
  const target = activeBuilder();
  if (target) target.site = site;
  const key = asName(settled(by), site);
  checkFilledWrite(object, key, site);
  checkCopy(object, site);
  if (target?.isRecording) {
    noteProperty(target, object, key as PropertyKey);
    for (const one of above(object)) checkSetter(one, key as PropertyKey, site);
  } else if (target) setsOutside(target, object, key as PropertyKey);
  return key;
}

/** An object whose private field is about to be set: only its class can read and set it. `id` is where it is declared. */
export function field<T extends object>(
  object: T,
  id: Site,
  get: (object: T) => unknown,
  set: (object: T, value: unknown) => void,
): T {
  const target = activeBuilder();
  if (!target) return object;
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
  return (...values: unknown[]) => call(fn, receiver, values, site);
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

/**
 * What a pattern takes parts from: `[a, b] = values`.
 * @param count how many elements it takes one by one; null: it takes properties
 * @param isNested whether a part of it is a pattern
 * @param asked the positions of elements with default values
 */
export function taken(
  given: unknown,
  site: Site,
  count: number | null,
  isNested = false,
  asked: readonly number[] = [],
): unknown {
  const object = there(given, site);
  const values = count === null ? object : oneOf(object, site);
  noteTakenApart(values);
  const target = activeBuilder();
  if (target) {
    target.site = site;
    checkIterator(target, values, site);
  }
  if (target?.isRecording) {
    if (count !== null) checkIterated(values, site);
    checkGetters(values, site);
    if (isNested) checkWritten(values, site);
  }
  if (isFilledHere(values) && count !== null) return takenOfFilled(values.slice(), count, isNested, asked, site);
  if (isFilledHere(values) || (isNested && target?.hasFilled && holdsFilled(values))) throw partsOfFilled(site);
  return target && count !== null ? withKnownEnd(values, site) : closedForPattern(values, site);
}

function partsOfFilled(site: Site): TraceError {
  return new TraceError(
    'An array that a branch or loop of the graph filled is taken apart by an object pattern, or inside of another pattern, which JavaScript does itself: it would meet entries that only the run knows. Take it apart by a pattern of its own: const [a, b] = array.',
    site,
  );
}

/** A value that JavaScript itself iterates over: `...values`. */
export function items(given: unknown, site: Site): unknown {
  const values = oneOf(iterated(there(given, site)), site);
  noteAsked(values);
  const target = activeBuilder();
  if (target) target.site = site;
  if (target) checkIterator(target, values, site);
  if (target?.isRecording) checkIterated(values, site);
  if (target?.conditional && typeof Object(values)[Symbol.iterator] !== 'function') {
    throw new TraceError(
      `${described(values)} is not iterable, in a branch or loop that depends on a traced value.`,
      site,
    );
  }
  if (isFilledHere(values)) return values.slice();
  return target ? withKnownEnd(values, site) : values;
}

/** The same for `yield* values`: other code runs before it is at the end. */
export function delegated(given: unknown, site: Site): unknown {
  const values = items(given, site);
  const array = settled(given);
  if (!activeBuilder() || !Array.isArray(array)) return values;
  const iterator = goesThrough(array.values(), array);
  const next = () => {
    beforeNext(iterator, site);
    return iterator.next();
  };
  return { [Symbol.iterator]: () => ({ next }) };
}

/** One array of the items of whichever of several values it is; any other value is itself. */
function oneOf(values: unknown, site: Site): unknown {
  const varying = varyingOf(values);
  if (!varying?.builder.open) return values;
  varying.builder.site = site;
  return oneOf(
    each(varying, (one) => fresh([...(items(one, site) as Iterable<unknown>)])),
    site,
  );
}
