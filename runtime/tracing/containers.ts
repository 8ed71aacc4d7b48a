import type { Builder } from './builder.ts';
import type { Slot } from './journal.ts';
import { MISSING, sameItems } from './slots.ts';

/*
 * The contents of objects that are not values of the graph: slots whose value cannot depend on the run, except for the
 * entries of a Map.
 */

/** Gives each object its slot of one kind. */
function slotsFor<T extends object>(make: (owner: T) => Omit<Slot, 'owner'>): (target: Builder, owner: T) => Slot {
  return (target, owner) => target.slots.of(owner, make, null, () => ({ ...make(owner), owner }));
}

/** Which properties an object has, in their order. */
export const keysSlot = slotsFor((object: object) => ({
  name: 'the keys of an object',
  fixed: 'an object gets or loses a property',
  same: sameItems,
  get: () => Reflect.ownKeys(object),
  /** Where the order differs, each key is taken out and put in again. */
  set(keys: unknown): void {
    const wanted = new Set(keys as PropertyKey[]);
    for (const key of Reflect.ownKeys(object)) if (!wanted.has(key)) Reflect.deleteProperty(object, key);
    if (sameItems(Reflect.ownKeys(object), keys)) return;
    const known = Object.getOwnPropertyDescriptors(object) as Record<PropertyKey, PropertyDescriptor>;
    for (const key of Reflect.ownKeys(known)) Reflect.deleteProperty(object, key);
    const empty = { value: undefined, writable: true, enumerable: true, configurable: true };
    for (const key of keys as PropertyKey[]) Reflect.defineProperty(object, key, known[key] ?? empty);
  },
}));

/** Which keys a Map has, in their order. */
export const mapKeysSlot = slotsFor((map: Map<unknown, unknown>) => ({
  name: 'the keys of a Map',
  fixed: 'a Map gets or loses an entry',
  same: sameItems,
  get: () => [...map.keys()],
  set(keys: unknown): void {
    const known = new Map(map);
    map.clear();
    for (const key of keys as unknown[]) map.set(key, known.get(key));
  },
}));

/** The elements of a Set, in their order. */
export const setSlot = slotsFor((set: Set<unknown>) => ({
  name: 'a Set',
  fixed: 'a Set gets or loses an element',
  same: sameItems,
  get: () => [...set],
  set(elements: unknown): void {
    set.clear();
    for (const element of elements as unknown[]) set.add(element);
  },
}));

/** The bytes that typed arrays and DataViews show. */
export const bytesSlot = slotsFor((buffer: ArrayBufferLike) => ({
  name: 'a typed array',
  fixed: 'the elements of a typed array, which only holds numbers, change',
  same: sameBytes,
  get: () => new Uint8Array(buffer).slice(),
  set: (bytes: unknown) => new Uint8Array(buffer).set(bytes as Uint8Array),
}));

function sameBytes(one: unknown, other: unknown): boolean {
  const bytes = other as Uint8Array;
  return (one as Uint8Array).every((byte, i) => byte === bytes[i]);
}

export const dateSlot = slotsFor((date: Date) => ({
  name: 'a Date',
  fixed: 'a Date changes',
  get: () => date.getTime(),
  set: (time: unknown) => date.setTime(time as number),
}));

/** The position where a regular expression continues its search. */
export const searchSlot = slotsFor((expression: RegExp) => ({
  name: 'a regular expression',
  fixed: 'a regular expression goes on to search',
  get: () => expression.lastIndex,
  set(index: unknown): void {
    expression.lastIndex = index as number;
  },
}));

/** An object that keeps values under keys. */
export type Keyed = Map<unknown, unknown> | WeakMap<WeakKey, unknown> | WeakSet<WeakKey>;

/** The value of a Map or WeakMap under a key, or whether a WeakSet has an element. */
class EntrySlot implements Slot {
  readonly name: string;
  readonly owner: Keyed;
  private readonly key: WeakKey;

  constructor(owner: Keyed, key: unknown) {
    this.owner = owner;
    this.key = key as WeakKey;
    this.name = typeof key === 'object' ? 'an entry' : String(key);
  }

  get(): unknown {
    if (!this.owner.has(this.key)) return MISSING;
    return 'get' in this.owner ? this.owner.get(this.key) : true;
  }

  set(value: unknown): void {
    if (value === MISSING) this.owner.delete(this.key);
    else if ('set' in this.owner) this.owner.set(this.key, value);
    else this.owner.add(this.key);
  }
}

export function entrySlot(target: Builder, owner: Keyed, key: unknown): Slot {
  return target.slots.of(owner, EntrySlot, key, () => new EntrySlot(owner, key));
}
