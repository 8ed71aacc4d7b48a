import type { DType, Shape, Value } from '../graph/types.ts';
import { Tensor } from '../tensor/tensor.ts';
import { apply, shapeOperand, toProxy, wrap } from './apply.ts';
import type { Builder } from './builder.ts';
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

/** The part of a JavaScript array that was pushed in a conditional or a loop of the graph. */
export class ListSegment {
  readonly builder: Builder;
  readonly list: ListValue;
  /** Whether the entries were saved, so that the array may be returned from the block. */
  readonly saved: boolean;

  constructor(builder: Builder, list: ListValue, saved: boolean) {
    this.builder = builder;
    this.list = list;
    this.saved = saved;
  }

  /** How many entries: int64, no dimensions. */
  length(): TensorProxy {
    return apply('numel', [wrap(this.builder, this.list.ranks)], { dims: null });
  }

  /** The entries as one tensor, [entries, ...entry]. All must have one shape. */
  stacked(): TensorProxy {
    const { data, shapes, entry } = this.list;
    const dims: (number | TensorProxy)[] = (entry ?? []).map((dim, i) => {
      if (dim !== null) return dim;
      const at = toProxy(i - entry!.length);
      return apply('getitem', [wrap(this.builder, shapes), at], { items: [{ kind: 'int' }] });
    });
    return apply('reshape', [wrap(this.builder, data), shapeOperand([this.length(), ...dims])]);
  }
}

/** An empty list of tensors of one dtype. */
export function emptyList(target: Builder, dtype: DType, entry: Shape): ListValue {
  const empty = (type: DType) =>
    target.operand({ dtype: type, shape: [0] }, { dims: [0], data: Tensor.from([], type, [0]).raw });
  return { data: empty(dtype), shapes: empty('int64'), ranks: empty('int64'), entry };
}

/** The entries of an array, segments among them, as one list. */
export function toList(target: Builder, items: readonly (TensorProxy | ListSegment)[], dtype: DType): ListValue {
  const parts = items.map((item) => {
    if (item instanceof ListSegment) return item.list;
    const entry = item.dtype === dtype ? item : apply('cast', [item], { dtype });
    const shape = apply('shape', [entry]);
    return {
      data: apply('reshape', [entry, toProxy([-1])]).value(),
      shapes: shape.value(),
      ranks: apply('shape', [shape]).value(),
      entry: entry.type.shape,
    };
  });
  if (parts.length === 0) return emptyList(target, dtype, null);
  if (parts.length === 1) return parts[0]!;
  const join = (field: 'data' | 'shapes' | 'ranks') =>
    apply(
      'cat',
      parts.map((part) => wrap(target, part[field])),
      { dim: 0 },
    ).value();
  return {
    data: join('data'),
    shapes: join('shapes'),
    ranks: join('ranks'),
    entry: parts.map((part) => part.entry).reduce(commonShape),
  };
}

/** What two shapes agree on. */
export function commonShape(a: Shape, b: Shape): Shape {
  if (!a || !b || a.length !== b.length) return null;
  return a.map((dim, i) => (dim === b[i] ? dim : null));
}

/** Whether an array was pushed to in a conditional or loop of the graph. */
export function isFilled(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) && value.some((item) => item instanceof ListSegment);
}

/** All entries of such an array as one tensor, [entries, …]. */
export function joinEntries(items: readonly unknown[]): TensorProxy {
  const rows = items.map((item) =>
    item instanceof ListSegment ? item.stacked() : apply('unsqueeze', [toProxy(item)], { dims: [0] }),
  );
  return apply('cat', rows, { dim: 0 });
}
