import type { Slot } from './journal.ts';

/** The slots of the user's objects in one block: the same part of the same object is the same slot. */
export class ObjectSlots {
  private readonly slots = new WeakMap<object, Map<unknown, Map<unknown, Slot>>>();

  /**
   * The slot of a part of an object.
   * @param kind tells parts with equal keys apart: properties, entries
   * @param key which of them; null where there is one
   */
  of(owner: object, kind: unknown, key: unknown, make: () => Slot): Slot {
    const kinds = this.slots.get(owner) ?? new Map<unknown, Map<unknown, Slot>>();
    this.slots.set(owner, kinds);
    const keys = kinds.get(kind) ?? new Map<unknown, Slot>();
    kinds.set(kind, keys);
    const slot = keys.get(key) ?? make();
    keys.set(key, slot);
    return slot;
  }
}
