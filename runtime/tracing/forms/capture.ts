import { TraceError } from '../../errors.ts';
import type { Site, Value } from '../../graph/types.ts';
import type { Builder } from '../builder.ts';
import { isCopy, keepAsItIs } from '../copies.ts';
import { inner, saving } from '../hidden.ts';
import { GraphEntries } from '../lists.ts';
import { TensorProxy } from '../proxy.ts';
import { SavedProxy } from '../saves.ts';
import { settled, uses, type Varying, varyingOf } from '../varying.ts';
import type { Form, Rest } from './form.ts';
import { isAlike, joinEntries } from './join.ts';
import { isOutOfReach } from './open-entries.ts';
import { isMadeOfParts, type Parts } from './parts.ts';

/**
 * The form of a value now, where the code runs: its tensors are the graph's values of this moment, whatever happens to
 * them later. Objects and arrays among `parts` are captured by their content, all others by their identity, since other
 * code may hold them, too. Saves stand for themselves, unless `isLoop`: there each iteration has one of its own.
 */
export function capture(target: Builder, given: unknown, parts: Parts, isLoop = false): Form<Value> {
  const look = (raw: unknown, inside: readonly object[], isOpened = false): Form<Value> => {
    const value = settled(raw);
    if (value instanceof TensorProxy) return captureTensor(target, value, isLoop);
    const varying = varyingOf(value);
    if (varying) {
      const opened = isOpened ? null : openedIn(varying, parts);
      // Objects of one kind are one object of which the run decides what is in it.
      if (opened)
        return look(
          uses.distribute(varying, (one) => copied(target, one, opened)),
          inside,
          true,
        );
      const cases = varying.cases.map((one) => ({ test: one.test, form: look(one.value, inside) }));
      if (isOpened && areAlike(cases.map(({ form }) => form))) throw indistinct(varying.name, target.site);
      return { kind: 'cases', cases, isSure: varying.sure !== null };
    }
    if (!isMadeOfParts(value) || inside.includes(value) || !parts.includes(value)) return { kind: 'plain', value };
    const within = [...inside, value];
    const isShared = parts.isShared(value) || isCopy(value);
    if (Array.isArray(value)) {
      const items = value.map((item) => (item instanceof GraphEntries ? item : look(item, within)));
      return arrayForm(value, items, isShared);
    }
    const prototype = Object.getPrototypeOf(value) as object | null;
    const fields = Object.entries(value).map(([name, field]) => [name, look(field, within)] as const);
    return { kind: 'record', of: value, prototype, fields, isShared };
  };
  return look(given, []);
}

/**
 * The objects among the values of a varying one that are captured by their content, each with whether it is shared; null
 * if no two of them are of one kind and all can be used here.
 */
function openedIn({ cases }: Varying, parts: Parts): ReadonlyMap<object, boolean> | null {
  const opened = new Map<object, boolean>();
  const open = (given: unknown): boolean => {
    const value = settled(given);
    if (!isMadeOfParts(value) || !parts.includes(value) || opened.has(value)) return false;
    opened.set(value, parts.isShared(value) || isCopy(value));
    Object.values(value).forEach(open);
    return true;
  };
  const known = cases.map(({ value }) => settled(value) as object).filter(open);
  const kinds = known.map((one) => (Array.isArray(one) ? '[]' : JSON.stringify(Object.keys(one))));
  return new Set(kinds).size < kinds.length || known.some(isOutOfReach) ? opened : null;
}

/** Whether two objects are told by their content and are of one kind: nothing would say which of them is meant. */
function areAlike(forms: readonly Form<Value>[]): boolean {
  const objects = forms.filter(({ kind }) => kind === 'array' || kind === 'record');
  return objects.some((one, i) => objects.slice(0, i).some((other) => isAlike(one, other)));
}

function indistinct(name: string, site: Site | null): TraceError {
  return new TraceError(
    `'${name}' is one of several objects, each made in a branch of a loop and held by several others, which the next iteration cannot tell apart. Make one object before, and set its fields in the branches.`,
    site,
  );
}

/** A new object with the parts of one that is opened, whose parts are opened, too. */
function copied(target: Builder, given: unknown, opened: ReadonlyMap<object, boolean>): unknown {
  const value = settled(given);
  if (!isMadeOfParts(value) || !opened.has(value)) return value;
  const part = (one: unknown) => copied(target, one, opened);
  const made: object = Array.isArray(value)
    ? value.map(part)
    : Object.assign(
        Object.create(Object.getPrototypeOf(value)),
        Object.fromEntries(Object.entries(value).map(([key, one]) => [key, part(one)])),
      );
  target.made(made);
  if (opened.get(value)) keepAsItIs(made);
  return made;
}

function captureTensor(target: Builder, proxy: TensorProxy, isLoop: boolean): Form<Value> {
  if (proxy instanceof SavedProxy) {
    if (!isLoop) return { kind: 'plain', value: proxy };
    const leaf = valueOfSave(target, proxy);
    return { kind: 'tensor', type: leaf.type, leaf, proxy, saves: [proxy] };
  }
  const leaf = proxy[inner].value(false, true);
  const truth = leaf.type.dtype === 'bool' ? target.scope.knows(leaf) : null;
  return truth === null
    ? { kind: 'tensor', type: leaf.type, leaf, proxy, saves: [], isMixed: proxy[inner].isMixed }
    : { kind: 'plain', value: truth };
}

/** The saved value, for callers who know that the code that saved it has run. */
export function valueOfSave(target: Builder, saved: SavedProxy): Value {
  const { value } = saved[saving];
  return (value && target.scope.reach(value, true)) ?? saved[inner].value();
}

function arrayForm(
  of: readonly unknown[],
  items: readonly (Form<Value> | GraphEntries)[],
  isShared: boolean,
): Form<Value> {
  const first = items.findIndex((item) => item instanceof GraphEntries);
  if (first < 0) return { kind: 'array', of, items: items as Form<Value>[], rest: null, isShared };
  const rest = restOf(items.slice(first));
  return { kind: 'array', of, items: items.slice(0, first) as Form<Value>[], rest, isShared };
}

/** Entries whose number only the run will tell. */
export function restOf<L>(parts: readonly (Form<L> | GraphEntries)[]): Rest<L> {
  const entry = joinEntries(parts.map((part) => (part instanceof GraphEntries ? part.form : part)));
  return { entry, parts, isKept: parts.some((part) => part instanceof GraphEntries && part.isKept) };
}
