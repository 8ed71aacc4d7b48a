import type { TensorType } from '../../graph/types.ts';
import type { GraphEntries } from '../lists.ts';
import type { TensorProxy } from '../proxy.ts';
import type { SavedProxy } from '../saves.ts';
import type { Storage } from '../storage.ts';
import type { PlainCase } from '../traced-tensor.ts';

/**
 * How a JavaScript value is made of tensors of the graph, so that conditionals and loops can pass it on. `L` is what a
 * tensor is at some moment: a value of the graph, a list with one for each entry, or null where a form only says which
 * tensors there are.
 */
export type Form<L> = PlainForm | TensorForm<L> | ArrayForm<L> | RecordForm<L> | CasesForm<L>;

/** The same value whatever happens: no tensor is needed to tell it. */
export interface PlainForm {
  readonly kind: 'plain';
  readonly value: unknown;
}

export interface TensorForm<L> {
  readonly kind: 'tensor';
  readonly type: TensorType;
  readonly leaf: L | null;
  /** The proxy that it was. */
  readonly proxy: TensorProxy | null;
  /** The memory that it may be, where several are one tensor of the graph. */
  readonly from?: readonly Storage[];
  /** The saves that bring it back; empty if it is not saved in every case. */
  readonly saves: readonly SavedProxy[];
  /** Whether it may be a number and may be a truth value. */
  readonly isMixed?: boolean;
  /** The plain values that it is known to be where a condition is known. */
  readonly plain?: readonly PlainCase[];
}

export interface ArrayForm<L> {
  readonly kind: 'array';
  readonly of: readonly unknown[] | null;
  readonly items: readonly Form<L>[];
  /** The entries after the items, whose number only the run will tell. */
  readonly rest: Rest<L> | null;
  /** Whether others have the array, too, so that what is made of this is a copy, which must stay as it is. */
  readonly isShared: boolean;
}

export interface Rest<L> {
  /** How each entry is made. */
  readonly entry: Form<null>;
  readonly parts: readonly (Form<L> | GraphEntries)[];
  /** Whether the array was saved as a whole. */
  readonly isKept: boolean;
}

/** A plain object, by its fields. */
export interface RecordForm<L> {
  readonly kind: 'record';
  readonly of: object | null;
  readonly prototype: object | null;
  readonly fields: readonly (readonly [name: string, form: Form<L>])[];
  /** As of an array. */
  readonly isShared: boolean;
}

/** One of several kinds of values. */
export interface CasesForm<L> {
  readonly kind: 'cases';
  readonly cases: readonly { readonly test: L | null; readonly form: Form<L> }[];
  /** Whether code that needs a value makes the run fail where there is none, instead of being refused. */
  readonly isSure?: boolean;
}

/** The tensors that a form is made of, in order. */
export function typesOf(form: Form<unknown>): TensorType[] {
  switch (form.kind) {
    case 'plain':
      return [];
    case 'tensor':
      return [form.type];
    case 'array':
      return [...form.items.flatMap(typesOf), ...(form.rest ? entryTypes(form.rest.entry).flatMap(listTypes) : [])];
    case 'record':
      return form.fields.flatMap(([, field]) => typesOf(field));
    case 'cases':
      return form.cases.flatMap((one) => [TRUTH, ...typesOf(one.form)]);
  }
}

/** The tensors themselves, in the same order. Arrays in it have a known number of items. */
export function leavesOf<L>(form: Form<L>): L[] {
  switch (form.kind) {
    case 'plain':
      return [];
    case 'tensor':
      return [form.leaf!];
    case 'array':
      return form.items.flatMap(leavesOf);
    case 'record':
      return form.fields.flatMap(([, field]) => leavesOf(field));
    case 'cases':
      return form.cases.flatMap((one) => [one.test!, ...leavesOf(one.form)]);
  }
}

/** The parts of it that are tensors, each as a form. */
export function tensorsOf<L>(form: Form<L>): TensorForm<L>[] {
  switch (form.kind) {
    case 'plain':
      return [];
    case 'tensor':
      return [form];
    case 'array':
      return form.items.flatMap(tensorsOf);
    case 'record':
      return form.fields.flatMap(([, field]) => tensorsOf(field));
    case 'cases':
      return form.cases.flatMap((one) => tensorsOf(one.form));
  }
}

/** The values in it that no tensor is needed for. Arrays in it have a known number of items. */
export function plainValuesOf(form: Form<unknown>): unknown[] {
  switch (form.kind) {
    case 'plain':
      return [form.value];
    case 'tensor':
      return [];
    case 'array':
      return form.items.flatMap(plainValuesOf);
    case 'record':
      return form.fields.flatMap(([, field]) => plainValuesOf(field));
    case 'cases':
      return form.cases.flatMap((one) => plainValuesOf(one.form));
  }
}

/** The tensors of the entries of a list, in order. Entries without tensors have a mark, by which they are counted. */
export function entryTypes(entry: Form<unknown>): TensorType[] {
  const types = typesOf(entry);
  return types.length === 0 ? [TRUTH] : types;
}

export const TRUTH: TensorType = { dtype: 'bool', shape: [] };

/** A list is laid out as three tensors: elements, shapes, ranks. */
function listTypes({ dtype }: TensorType): TensorType[] {
  return ([dtype, 'int64', 'int64'] as const).map((one) => ({ dtype: one, shape: [null] }));
}

/** A form without the tensors of its moment. */
export function bare(form: Form<unknown>): Form<null> {
  switch (form.kind) {
    case 'plain':
      return form;
    case 'tensor':
      return {
        kind: 'tensor',
        type: { dtype: form.type.dtype, shape: form.type.shape },
        leaf: null,
        proxy: null,
        saves: form.saves,
        isMixed: form.isMixed ?? false,
      };
    case 'array':
      return {
        ...form,
        of: null,
        items: form.items.map(bare),
        rest: form.rest && { ...form.rest, parts: [] },
      };
    case 'record':
      return { ...form, of: null, fields: form.fields.map(([name, field]) => [name, bare(field)] as const) };
    case 'cases':
      return { kind: 'cases', cases: form.cases.map((one) => ({ test: null, form: bare(one.form) })) };
  }
}

/** Whether the same values fit into two forms, laid out in the same way. */
export function isEqual(a: Form<unknown>, b: Form<unknown>): boolean {
  const all = <T>(x: readonly T[], y: readonly T[], same: (one: T, other: T) => boolean) =>
    x.length === y.length && x.every((one, i) => same(one, y[i]!));
  if (a.kind === 'plain' && b.kind === 'plain') return Object.is(a.value, b.value);
  if (a.kind === 'tensor' && b.kind === 'tensor') {
    const text = ({ type, saves, isMixed }: typeof a) =>
      JSON.stringify([type.dtype, type.shape, saves.length > 0, isMixed ?? false]);
    return text(a) === text(b);
  }
  if (a.kind === 'array' && b.kind === 'array') {
    const isSameRest =
      a.rest && b.rest ? a.rest.isKept === b.rest.isKept && isEqual(a.rest.entry, b.rest.entry) : a.rest === b.rest;
    return isSameRest && all(a.items, b.items, isEqual);
  }
  if (a.kind === 'record' && b.kind === 'record') {
    return all(a.fields, b.fields, ([name, one], [other, two]) => name === other && isEqual(one, two));
  }
  return a.kind === 'cases' && b.kind === 'cases' && all(a.cases, b.cases, (x, y) => isEqual(x.form, y.form));
}

/** Whether a value can be a tensor of the graph beside others. */
export function isNumeric(value: unknown): boolean {
  return ['number', 'boolean', 'bigint'].includes(typeof value);
}
