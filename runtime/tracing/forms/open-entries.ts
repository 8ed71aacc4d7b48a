import type { Value } from '../../graph/types.ts';
import { apply, toProxy, wrap } from '../apply.ts';
import { inner } from '../hidden.ts';
import { GraphEntries, type ListValue } from '../lists.ts';
import { TensorProxy } from '../proxy.ts';
import { settled, varyingOf } from '../varying.ts';
import type { Form } from './form.ts';
import { nestedLists } from './join.ts';
import { isMadeOfParts, objectsIn } from './parts.ts';

/**
 * Entries in which the objects that `isOpened` names are told by their content: code can have a copy where it cannot have
 * the object, which a branch has made that may not have run.
 */
export function openedEntries(entries: GraphEntries, isOpened: (object: object) => boolean): GraphEntries {
  const content = (raw: unknown): Form<ListValue> => {
    const value = settled(raw);
    if (value instanceof GraphEntries) throw nestedLists();
    if (value instanceof TensorProxy) {
      const leaf = repeated(entries, value[inner].value(true));
      return {
        kind: 'tensor',
        type: value[inner].value(true).type,
        leaf,
        proxy: null,
        saves: [],
        isMixed: value[inner].isMixed,
      };
    }
    const varying = varyingOf(value);
    if (varying) {
      const cases = varying.cases.map((one) => ({ test: repeated(entries, one.test), form: content(one.value) }));
      return { kind: 'cases', cases };
    }
    if (!isMadeOfParts(value) || !isOpened(value)) return { kind: 'plain', value };
    if (Array.isArray(value)) return { kind: 'array', of: null, items: value.map(content), rest: null, isShared: true };
    const prototype = Object.getPrototypeOf(value) as object | null;
    const fields = Object.entries(value).map(([name, field]) => [name, content(field)] as const);
    return { kind: 'record', of: null, prototype, fields, isShared: true };
  };
  const opened = (form: Form<ListValue>): Form<ListValue> => {
    switch (form.kind) {
      case 'plain':
        return isMadeOfParts(form.value) && isOpened(form.value) ? content(form.value) : form;
      case 'tensor':
        return form;
      case 'array':
        return { ...form, of: null, items: form.items.map(opened) };
      case 'record':
        return { ...form, of: null, fields: form.fields.map(([name, field]) => [name, opened(field)]) };
      case 'cases':
        return { ...form, cases: form.cases.map((one) => ({ ...one, form: opened(one.form) })) };
    }
  };
  if (!objectsIn(entries.form).some(isOpened)) return entries;
  return new GraphEntries(entries.builder, opened(entries.form), entries.counter);
}

/** Whether an object holds tensors that only another body has. */
export function isOutOfReach(given: unknown): boolean {
  const value = settled(given);
  if (value instanceof TensorProxy) return !value[inner].isReachable();
  return isMadeOfParts(value) && Object.values(value).some(isOutOfReach);
}

/** A list with one value for each of the entries. */
function repeated({ builder, counter }: GraphEntries, value: Value): ListValue {
  const count = apply('shape', [wrap(builder, counter.ranks)]);
  const times = (one: TensorProxy) => {
    const rows = apply('expand', [
      apply('unsqueeze', [one], { dims: [0] }),
      apply('cat', [count, apply('shape', [one])], { dim: 0 }),
    ]);
    return apply('reshape', [rows, toProxy([-1])])[inner].value();
  };
  const entry = wrap(builder, value);
  const shape = apply('shape', [entry]);
  return {
    data: times(apply('reshape', [entry, toProxy([-1])])),
    shapes: times(shape),
    ranks: times(apply('shape', [shape])),
    entry: value.type.shape,
  };
}
