import { TraceError } from '../errors.ts';
import type { TensorType, Value } from '../graph/types.ts';
import { Absent } from '../tracing/absent.ts';
import { toProxy, wrap } from '../tracing/apply.ts';
import type { Builder } from '../tracing/builder.ts';
import type { Slot } from '../tracing/journal.ts';
import { emptyList, ListSegment, type ListValue, toList } from '../tracing/lists.ts';
import { SavedProxy } from '../tracing/saves.ts';
import { ArraySlot } from '../tracing/slots.ts';
import { Storage } from '../tracing/storage.ts';
import { entries, isPlainObject, isSavedEntry, isTensorLike, listDtype } from './merge.ts';

/** How one slot goes through the iterations of a loop node, as tensors. */
export interface Carry {
  readonly types: TensorType[];
  /** Before the loop. */
  initial(): Value[];
  /** At the start of the body: the slot holds the parameters. */
  load(parameters: readonly Value[]): void;
  /** At the end of the body. */
  unload(): Value[];
  /** After the loop. */
  store(outputs: readonly Value[]): void;
}

/** A carry for a slot that a trial run of the body changed, or null where it needs none. */
export function carry(target: Builder, slot: Slot, before: unknown, after: unknown): Carry | null {
  if (slot instanceof Storage) return carryStorage(slot);
  if (before instanceof Storage) return carryBinding(target, slot, before);
  if (slot instanceof ArraySlot) {
    const prefix = before as readonly unknown[];
    const items = after as readonly unknown[];
    if (items.length !== prefix.length) return carryPushes(target, slot, prefix, items);
  }
  return carryStructure(target, slot, before, after);
}

function carryStorage(slot: Storage): Carry {
  return {
    types: [slot.content.type],
    initial: () => [slot.content],
    load: ([parameter]) => slot.set(parameter),
    unload: () => [slot.content],
    store: ([output]) => slot.set(output),
  };
}

function carryBinding(target: Builder, slot: Slot, before: Storage): Carry {
  return {
    types: [before.content.type],
    initial: () => [(slot.get() as Storage).content],
    load: ([parameter]) => slot.set(target.storage(parameter!)),
    unload: () => [(slot.get() as Storage).content],
    store: ([output]) => slot.set(target.storage(output!)),
  };
}

function carryPushes(target: Builder, slot: ArraySlot, prefix: readonly unknown[], items: readonly unknown[]): Carry {
  if (!prefix.every((item, i) => Object.is(item, items[i]))) {
    throw new TraceError(
      'In a loop over traced values an array gets other entries in front, or loses some: it can only grow at its end there.',
      target.site,
    );
  }
  const dtype = listDtype(items.slice(prefix.length), 'an array', target)!;
  const saved = items.slice(prefix.length).every(isSavedEntry);
  const first = items
    .slice(prefix.length)
    .map((item) =>
      item instanceof ListSegment ? item.list.entry : isTensorLike(item) ? toProxy(item).type.shape : null,
    );
  const entry = first.every((shape) => JSON.stringify(shape) === JSON.stringify(first[0])) ? first[0]! : null;
  const list = ([data, shapes, ranks]: readonly Value[]): ListValue => ({
    data: data!,
    shapes: shapes!,
    ranks: ranks!,
    entry,
  });
  const values = ({ data, shapes, ranks }: ListValue): Value[] => [data, shapes, ranks];
  return {
    types: [dtype, 'int64' as const, 'int64' as const].map((type) => ({ dtype: type, shape: [null] })),
    initial: () => values(emptyList(target, dtype, entry)),
    load: (parameters) => slot.set([...prefix, new ListSegment(target, list(parameters), saved)]),
    unload: () => values(toList(target, entries(slot.get().slice(prefix.length)), dtype)),
    store: (outputs) => slot.set([...prefix, new ListSegment(target, list(outputs), saved)]),
  };
}

function carryStructure(target: Builder, slot: Slot, before: unknown, after: unknown): Carry | null {
  if (before === undefined || before instanceof Absent) {
    // Nothing to carry in; after the loop the variable has a value only if the loop ran.
    let last: unknown;
    const unload = () => {
      last = slot.get();
      return [];
    };
    const store = () => slot.set(last instanceof SavedProxy ? last : new Absent(slot.name));
    return { types: [], initial: () => [], load: () => slot.set(undefined), unload, store };
  }
  const paths = tensorPaths(target, slot.name, before, after, []);
  const at = (value: unknown) =>
    paths.map((path) => toProxy(path.reduce((x, key) => (x as Record<string, unknown>)[key], value)).value());
  const rebuild = (values: readonly Value[]) =>
    paths.reduce<unknown>((whole, path, i) => withAt(whole, path, wrap(target, values[i]!)), before);
  return {
    types: at(before).map((value) => ({ dtype: value.type.dtype, shape: value.type.shape })),
    initial: () => at(before),
    load: (parameters) => slot.set(rebuild(parameters)),
    unload: () => at(slot.get()),
    store: (outputs) => slot.set(rebuild(outputs)),
  };
}

/** Where in a value (an array or object of tensors, or one tensor) the loop changes something. */
function tensorPaths(
  target: Builder,
  name: string,
  before: unknown,
  after: unknown,
  path: readonly string[],
): (readonly string[])[] {
  if (Object.is(before, after)) return [];
  if (isTensorLike(before) && isTensorLike(after)) return [path];
  const arrays = Array.isArray(before) && Array.isArray(after) && before.length === after.length;
  if (
    arrays ||
    (isPlainObject(before) && isPlainObject(after) && Object.keys(before).join() === Object.keys(after).join())
  ) {
    const a = before as Record<string, unknown>;
    const b = after as Record<string, unknown>;
    return Object.keys(a).flatMap((key) => tensorPaths(target, `${name}.${key}`, a[key], b[key], [...path, key]));
  }
  throw new TraceError(
    `'${name}' changes in a loop over traced values to something that is neither a tensor nor of the same form as before the loop.`,
    target.site,
  );
}

function withAt(whole: unknown, path: readonly string[], value: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  const copy = (Array.isArray(whole) ? [...whole] : { ...(whole as object) }) as Record<string, unknown>;
  copy[key] = withAt(copy[key], rest, value);
  return copy;
}
