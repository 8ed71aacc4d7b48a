import { TraceError } from '../errors.ts';
import { promoteDtypes } from '../graph/promotion.ts';
import type { Node, Region, TensorType, Value } from '../graph/types.ts';
import { Tensor } from '../tensor/tensor.ts';
import { Absent } from '../tracing/absent.ts';
import { toProxy, wrap } from '../tracing/apply.ts';
import type { Builder } from '../tracing/builder.ts';
import { commonShape, emptyList, ListSegment, type ListValue, toList } from '../tracing/lists.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import { SavedProxy, type SaveState, save } from '../tracing/saves.ts';
import { MISSING } from '../tracing/slots.ts';
import { fresh } from './blocks.ts';

/** Whether a value can be a tensor of the graph. */
export function isTensorLike(x: unknown): x is TensorProxy | Tensor | number | boolean | bigint {
  return x instanceof TensorProxy || x instanceof Tensor || ['number', 'boolean', 'bigint'].includes(typeof x);
}

/** Makes the real value once the node exists whose outputs it is made of. */
export type Later<T> = (node: Node) => T;

/** Collects what a conditional node yields: pairs of values, one of each branch. */
export class Branches {
  private readonly target: Builder;
  readonly thenRegion: Region;
  readonly elseRegion: Region;
  readonly types: TensorType[] = [];

  constructor(target: Builder, thenRegion: Region, elseRegion: Region) {
    this.target = target;
    this.thenRegion = thenRegion;
    this.elseRegion = elseRegion;
  }

  /** One result of the node: `a` where the condition holds, else `b`. */
  pair(a: Value, b: Value): Later<Value> {
    const dtype = promoteDtypes(a.type.dtype, b.type.dtype);
    this.thenRegion.results.push(this.cast(this.thenRegion, a, dtype));
    this.elseRegion.results.push(this.cast(this.elseRegion, b, dtype));
    const index = this.types.length;
    this.types.push({ dtype, shape: commonShape(a.type.shape, b.type.shape) });
    return (node) => node.outputs[index]!;
  }

  private cast(region: Region, value: Value, dtype: TensorType['dtype']): Value {
    if (value.type.dtype === dtype) return value;
    return this.target.within(region, () => this.target.add('cast', [value], { dtype }).outputs[0]!);
  }

  private valueIn(region: Region, x: unknown): Value {
    return this.target.within(region, () => toProxy(x).value());
  }

  /** A list in each branch. */
  lists(a: ListValue, b: ListValue): Later<ListValue> {
    const data = this.pair(a.data, b.data);
    const shapes = this.pair(a.shapes, b.shapes);
    const ranks = this.pair(a.ranks, b.ranks);
    const entry = a.entry && b.entry ? commonShape(a.entry, b.entry) : (a.entry ?? b.entry);
    return (node) => ({ data: data(node), shapes: shapes(node), ranks: ranks(node), entry });
  }

  /** The value that a variable (or part of it) has after the node. */
  merge(name: string, a: unknown, b: unknown): Later<unknown> {
    if (Object.is(a, b)) return () => a;
    if (isTensorLike(a) && isTensorLike(b)) {
      const merged = this.pair(this.valueIn(this.thenRegion, a), this.valueIn(this.elseRegion, b));
      const both = a instanceof SavedProxy && b instanceof SavedProxy;
      return (node) => (both ? save(wrap(this.target, merged(node))) : wrap(this.target, merged(node)));
    }
    if (a instanceof SavedProxy && isNothing(b)) return () => a;
    if (b instanceof SavedProxy && isNothing(a)) return () => b;
    if (a === undefined || b === undefined || a instanceof Absent || b instanceof Absent) return () => new Absent(name);
    if (Array.isArray(a) && Array.isArray(b)) return this.mergeArrays(name, a, b);
    if (isPlainObject(a) && isPlainObject(b)) {
      const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])];
      const fields = keys.map((key) => [key, this.merge(`${name}.${key}`, a[key], b[key])] as const);
      return (node) => fresh(Object.fromEntries(fields.map(([key, field]) => [key, field(node)])));
    }
    throw new TraceError(
      `'${name}' would be ${describe(a)} or ${describe(b)} depending on a traced condition. Only tensors, numbers, and arrays and objects of them can depend on one.`,
      this.target.site,
    );
  }

  /** Arrays that both branches pushed to, each its own entries. */
  mergeArrays(name: string, a: readonly unknown[], b: readonly unknown[]): Later<unknown[]> {
    if (
      a.length === b.length &&
      !a.some((item) => item instanceof ListSegment) &&
      !b.some((item) => item instanceof ListSegment)
    ) {
      const items = a.map((item, i) => this.merge(`${name}[${i}]`, item, b[i]));
      return (node) => fresh(items.map((item) => item(node)));
    }
    let common = 0;
    while (common < a.length && common < b.length && a[common] === b[common]) common++;
    const dtypes = [
      this.target.within(this.thenRegion, () => listDtype(a.slice(common), name, this.target)),
      this.target.within(this.elseRegion, () => listDtype(b.slice(common), name, this.target)),
    ].filter((one) => one !== null);
    const dtype = dtypes.reduce(promoteDtypes);
    const saved = [...a.slice(common), ...b.slice(common)].every(isSavedEntry);
    const inRegion = (region: Region, items: readonly unknown[]) =>
      this.target.within(region, () => toList(this.target, entries(items), dtype));
    const list = this.lists(inRegion(this.thenRegion, a.slice(common)), inRegion(this.elseRegion, b.slice(common)));
    return (node) => fresh([...a.slice(0, common), new ListSegment(this.target, list(node), saved)]);
  }

  /** A save that stands in one branch or in both. */
  mergeSaves(a: SaveState | null, b: SaveState | null): Later<SaveState> {
    const some = a ?? b!;
    const dtype = stateDtype(some);
    const asList = (region: Region, state: SaveState | null): ListValue =>
      this.target.within(region, () => {
        if (!state) return emptyList(this.target, dtype, null);
        return state.kind === 'list' ? state.list : toList(this.target, [wrap(this.target, state.value)], dtype);
      });
    const list = this.lists(asList(this.thenRegion, a), asList(this.elseRegion, b));
    const loop = some.kind === 'list' && some.loop;
    return (node) => ({ kind: 'list', list: list(node), loop });
  }

  /** A truth value of one branch only; false in the other. */
  flag(region: Region, value: TensorProxy | boolean): Later<TensorProxy> {
    const own = this.valueIn(region, value);
    const other = this.target.within(region, () => toProxy(false).value());
    const merged = region === this.thenRegion ? this.pair(own, other) : this.pair(other, own);
    return (node) => wrap(this.target, merged(node));
  }

  /** A value of one branch only, for callers that know that the branch ran. */
  optional(region: Region, value: unknown): Later<unknown> {
    if (value instanceof SavedProxy) return () => value;
    if (isTensorLike(value)) {
      const own = this.valueIn(region, value);
      const none = emptyList(this.target, own.type.dtype, null).data;
      const merged = region === this.thenRegion ? this.pair(own, none) : this.pair(none, own);
      return (node) => wrap(this.target, merged(node));
    }
    if (Array.isArray(value)) {
      const items = value.map((item) => this.optional(region, item));
      return (node) => items.map((item) => item(node));
    }
    if (isPlainObject(value)) {
      const fields = Object.entries(value).map(([key, field]) => [key, this.optional(region, field)] as const);
      return (node) => Object.fromEntries(fields.map(([key, field]) => [key, field(node)]));
    }
    return () => value;
  }
}

/** Whether a place holds nothing, or there is no such place. */
function isNothing(x: unknown): boolean {
  return x === undefined || x === MISSING;
}

export function isPlainObject(x: unknown): x is Record<string, unknown> {
  if (typeof x !== 'object' || x === null) return false;
  const prototype = Object.getPrototypeOf(x);
  return prototype === Object.prototype || prototype === null;
}

/** The entries of an array as members of a list in the graph. */
export function entries(items: readonly unknown[]): (TensorProxy | ListSegment)[] {
  return items.map((item) => (item instanceof ListSegment ? item : toProxy(item)));
}

export function isSavedEntry(item: unknown): boolean {
  return item instanceof SavedProxy || (item instanceof ListSegment && item.saved);
}

/** The dtype that all entries of a list can have; null without entries. */
export function listDtype(items: readonly unknown[], name: string, target: Builder): TensorType['dtype'] | null {
  const dtypes = items.map((item) => {
    if (item instanceof ListSegment) return item.list.data.type.dtype;
    if (isTensorLike(item)) return toProxy(item).dtype;
    throw new TraceError(
      `${describe(item)} is pushed to ${name} depending on a traced value. Only tensors and numbers can be.`,
      target.site,
    );
  });
  return dtypes.length === 0 ? null : dtypes.reduce(promoteDtypes);
}

export function stateDtype(state: SaveState): TensorType['dtype'] {
  return state.kind === 'single' ? state.value.type.dtype : state.list.data.type.dtype;
}

function describe(x: unknown): string {
  if (x instanceof TensorProxy || x instanceof Tensor) return 'a tensor';
  if (x === null || x === undefined || typeof x === 'string') return JSON.stringify(x) ?? 'undefined';
  return typeof x === 'object' ? `an object (${x.constructor?.name})` : `${typeof x} ${String(x)}`;
}
