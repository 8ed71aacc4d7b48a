import type { Value } from '../../graph/types.ts';
import type { Builder } from '../builder.ts';
import { GraphEntries } from '../lists.ts';
import { TensorProxy } from '../proxy.ts';
import { SavedProxy } from '../saves.ts';
import { settled, varyingOf } from '../varying.ts';
import type { Form, Rest } from './form.ts';
import { joinEntries } from './join.ts';
import { isMadeOfParts, type Parts } from './parts.ts';

/**
 * The form of a value now, where the code runs: its tensors are the graph's values of this moment, whatever happens to
 * them later. Objects and arrays among `parts` are captured by their content, all others by their identity, since other
 * code may hold them, too. Saves stand for themselves, unless `isLoop`: there each iteration has one of its own.
 */
export function capture(target: Builder, given: unknown, parts: Parts, isLoop = false): Form<Value> {
  const look = (raw: unknown, inside: readonly object[]): Form<Value> => {
    const value = settled(raw);
    if (value instanceof TensorProxy) return captureTensor(target, value, isLoop);
    const varying = varyingOf(value);
    if (varying) {
      const cases = varying.cases.map((one) => ({ test: one.test, form: look(one.value, inside) }));
      return { kind: 'cases', cases };
    }
    if (!isMadeOfParts(value) || inside.includes(value) || !parts.includes(value)) return { kind: 'plain', value };
    const within = [...inside, value];
    const isShared = parts.isShared(value) || target.objects.copies.has(value);
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

function captureTensor(target: Builder, proxy: TensorProxy, isLoop: boolean): Form<Value> {
  if (proxy instanceof SavedProxy) {
    if (!isLoop) return { kind: 'plain', value: proxy };
    const leaf = valueOfSave(target, proxy);
    return { kind: 'tensor', type: leaf.type, leaf, proxy, saves: [proxy] };
  }
  const leaf = proxy.value();
  const truth = leaf.type.dtype === 'bool' ? target.knows(leaf) : null;
  return truth === null
    ? { kind: 'tensor', type: leaf.type, leaf, proxy, saves: [], isMixed: proxy.isMixed }
    : { kind: 'plain', value: truth };
}

/** The saved value, for callers who know that the code that saved it has run. */
export function valueOfSave(target: Builder, saved: SavedProxy): Value {
  const { value } = saved.slot;
  return (value && target.reach(value, true)) ?? saved.value();
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
  return { entry: joinEntries(parts.map((part) => (part instanceof GraphEntries ? part.form : part))), parts };
}
