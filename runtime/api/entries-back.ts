import type { Value } from '../graph/types.ts';
import { splitEntries } from '../tensor/entries.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { withLeaves } from '../tracing/forms/build.ts';
import { type Form, leavesOf, type TensorForm } from '../tracing/forms/form.ts';
import type { GraphEntries, ListValue } from '../tracing/lists.ts';

/** The tensor that a value has become, if it was computed. */
export type At = (value: Value) => Tensor | undefined;

/** What becomes of the parts of an entry. */
export interface EntryParts {
  tensor(tensor: Tensor | undefined, form: TensorForm<unknown>): unknown;
  /** What no tensor is needed for. */
  plain(value: unknown): unknown;
}

/** The entries of an array that the graph filled. */
export function entriesBack({ form, counter }: GraphEntries, at: At, parts: EntryParts): unknown[] {
  const lists = leavesOf(form).map((list) => split(list, at));
  return split(counter, at).map((_, i) => entry(withLeaves(form, lists.map((list) => list[i]).values()), parts));
}

function entry(form: Form<Tensor | undefined>, parts: EntryParts): unknown {
  switch (form.kind) {
    case 'plain':
      return parts.plain(form.value);
    case 'tensor':
      return parts.tensor(form.leaf ?? undefined, form);
    case 'array':
      return form.items.map((item) => entry(item, parts));
    case 'record':
      return Object.fromEntries(form.fields.map(([name, field]) => [name, entry(field, parts)]));
    case 'cases':
      return entry(form.cases.find(({ test }) => isTrue(test ?? undefined))!.form, parts);
  }
}

/** The tensors of a list. */
export function split({ data, shapes, ranks }: ListValue, at: At): Tensor[] {
  const elements = at(data);
  return elements ? splitEntries(elements, at(shapes)!, at(ranks)!) : [];
}

export function isTrue(truth: Tensor | undefined): boolean {
  return Boolean(truth?.item());
}
