import { TraceError } from '../errors.ts';
import type { DType, Shape, TensorType, Value } from '../graph/types.ts';
import { UNEQUAL } from '../graph/unequal.ts';
import { apply, shapeOperand, toProxy, wrap } from './apply.ts';
import { blank } from './blanks.ts';
import { activeBuilder, type Builder } from './builder.ts';
import { callerSite } from './caller.ts';
import { type Form, isNumeric } from './forms/form.ts';
import { ours } from './harmless.ts';
import { inner } from './hidden.ts';
import type { TensorProxy } from './proxy.ts';

/**
 * A list whose length only the run will tell, as three tensors: the elements of all entries one after another, all
 * their dimensions one after another, and each entry's number of dimensions. So entries may differ in shape.
 */
export interface ListValue {
  readonly data: Value;
  readonly shapes: Value;
  readonly ranks: Value;
  /** The shape of one entry, as far as all agree. */
  readonly entry: Shape;
}

/** The entries where a truth value is known. */
export interface EntriesCase {
  readonly test: Value;
  readonly is: boolean;
  entries(): readonly unknown[];
}

/**
 * The part of a JavaScript array that was pushed in a conditional or a loop of the graph: a list for each tensor that an
 * entry is made of, all of one length.
 */
export class GraphEntries {
  readonly builder: Builder;
  readonly form: Form<ListValue>;
  /** The list by which the entries are counted: one of the form's, or one that only counts. */
  readonly counter: ListValue;
  readonly #isOurs = true;
  /** What they are where a condition is known. */
  cases: readonly EntriesCase[] = [];

  /** Whether the array that they stand in was saved as a whole. */
  readonly isKept: boolean;

  constructor(builder: Builder, form: Form<ListValue>, counter: ListValue, isKept = false) {
    this.isKept = isKept;
    this.builder = builder;
    this.form = form;
    this.counter = counter;
    builder.hasFilled = true;
  }

  /** A Proxy of the program is not asked. */
  static [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && #isOurs in value;
  }

  /** Whether the entries were saved, so that the array may be returned from the block. */
  get saved(): boolean {
    return this.isKept || isSaved(this.form);
  }

  /** The same entries, saved. */
  kept(): GraphEntries {
    const kept = new GraphEntries(this.builder, this.form, this.counter, true);
    kept.cases = this.cases;
    return kept;
  }

  /** The entries where the code runs now, as far as the conditions around tell; null if they don't. */
  known(): readonly unknown[] | null {
    return this.cases.find(({ test, is }) => this.builder.scope.knows(test) === is)?.entries() ?? null;
  }

  /** No text, number or JSON: JavaScript wants them now, and only the run knows the entries. */
  [Symbol.toPrimitive](): never {
    throw this.unknown('as a text or number');
  }

  toJSON(): never {
    throw this.unknown('as JSON');
  }

  private unknown(where: string): TraceError {
    return new TraceError(
      `An array that a branch or loop of the graph filled is used ${where}, but its entries are known only when the model runs. Return it from the block, its entries saved, and use what the trace gives.`,
      this.builder.site,
    );
  }

  /** How many entries: int64, no dimensions. */
  length(): TensorProxy {
    return apply('numel', [wrap(this.builder, this.counter.ranks)], { dims: null });
  }

  /** The entries as one tensor, [entries, ...entry]. All must be tensors of one shape. */
  stacked(): TensorProxy {
    const { form } = this;
    if (form.kind === 'plain' && isNumeric(form.value)) {
      const count = apply('unsqueeze', [this.length()], { dims: [0] });
      return apply('expand', [toProxy(form.value), count]);
    }
    if (form.kind !== 'tensor') {
      throw new TraceError(
        'The entries of this array are not tensors of one kind, so they cannot be one tensor. Take one field of each.',
        this.builder.site,
      );
    }
    return stackedList(this.builder, form.leaf!);
  }
}

function isSaved(form: Form<unknown>): boolean {
  switch (form.kind) {
    case 'plain':
      return true;
    case 'tensor':
      return form.saves.length > 0;
    case 'array':
      return form.items.every(isSaved);
    case 'record':
      return form.fields.every(([, field]) => isSaved(field));
    case 'cases':
      return form.cases.every((one) => isSaved(one.form));
  }
}

/** The entries of a list as one tensor, [entries, ...entry]. All must have one shape, or the run fails. */
export function stackedList(target: Builder, { data, shapes, ranks, entry }: ListValue): TensorProxy {
  const length = apply('numel', [wrap(target, ranks)], { dims: null });
  const dims: (number | TensorProxy)[] = (entry ?? []).map((dim, i) => {
    if (dim !== null) return dim;
    const at = toProxy(i - entry!.length);
    const last = apply('getitem', [wrap(target, shapes), at], { items: [{ kind: 'int' }] });
    const rows = apply('reshape', [wrap(target, shapes), toProxy([-1, entry!.length])]);
    const all = apply('indexSelect', [rows, toProxy([i])], { dim: 1 });
    const isSame = apply('all', [apply('eq', [all, last])], { dims: null, keepdim: false });
    return apply('where', [isSame, last, toProxy(UNEQUAL)], { signed: false });
  });
  return apply('reshape', [wrap(target, data), shapeOperand([length, ...dims])]);
}

/** An empty list of tensors of one dtype. */
export function emptyList(target: Builder, dtype: DType, entry: Shape = null): ListValue {
  const empty = (type: DType) => blank(target, { dtype: type, shape: [0] });
  return { data: empty(dtype), shapes: empty('int64'), ranks: empty('int64'), entry };
}

/** A list of one entry. */
export function listOf(target: Builder, value: Value): ListValue {
  const entry = wrap(target, value);
  const shape = apply('shape', [entry]);
  const rank = value.type.shape?.length;
  return {
    data: apply('reshape', [entry, toProxy([-1])])[inner].value(),
    shapes: shape[inner].value(),
    // ONNX Runtime takes the size of the shape of a shape for 0 where it computes shapes ahead.
    ranks: (rank === undefined ? apply('shape', [shape]) : toProxy([rank]))[inner].value(),
    entry: value.type.shape,
  };
}

/** Lists of tensors of one type, one after another. */
export function joinLists(target: Builder, lists: readonly ListValue[], { dtype, shape }: TensorType): ListValue {
  if (lists.length === 0) return emptyList(target, dtype, shape);
  const join = (field: 'data' | 'shapes' | 'ranks') => {
    const parts = lists.map((list) => wrap(target, list[field]));
    return parts.length === 1 ? parts[0]![inner].value() : apply('cat', parts, { dim: 0 })[inner].value();
  };
  return { data: join('data'), shapes: join('shapes'), ranks: join('ranks'), entry: shape };
}

/** What two shapes agree on. */
export function commonShape(a: Shape, b: Shape): Shape {
  if (!a || !b || a.length !== b.length) return null;
  return a.map((dim, i) => (dim === b[i] ? dim : null));
}

/** Whether an array was pushed to in a conditional or loop of the graph. */
export function isFilled(value: unknown): value is readonly unknown[] {
  if (!Array.isArray(value) || activeBuilder()?.hasFilled === false) return false;
  return value.some((item) => item instanceof GraphEntries);
}

/**
 * From here on JavaScript's own iteration of such an array, by a pattern or a function that was not compiled, is an error
 * at the entries that only the run knows, instead of giving internal objects.
 */
export function guardEntries(array: readonly unknown[]): void {
  Object.defineProperty(array, Symbol.iterator, { value: ownEntries, configurable: true, writable: true });
}

ours(ownEntries);

function* ownEntries(this: readonly unknown[]): Generator<unknown, void> {
  for (let i = 0; i < this.length; i++) {
    const item = this[i];
    if (item instanceof GraphEntries) {
      throw new TraceError(
        `The entries of an array are taken from index ${i}, but a branch or loop of the graph filled it from there: how many there are is known only when the model runs. Go through them with for…of, or read them by index.`,
        callerSite() ?? item.builder.site,
      );
    }
    yield item;
  }
}
