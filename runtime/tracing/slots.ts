import { TraceError } from '../errors.ts';
import type { Builder } from './builder.ts';
import type { Slot } from './journal.ts';
import { guardEntries, isFilled } from './lists.ts';

/** Stands for the value of a property or entry that is not there. */
export const MISSING = Symbol('missing');

/** The elements of an array. */
export class ArraySlot implements Slot {
  readonly name = 'an array';
  readonly same = sameItems;
  readonly owner: unknown[];
  private readonly target: Builder;

  private constructor(target: Builder, array: unknown[]) {
    this.target = target;
    this.owner = array;
  }

  static of(target: Builder, array: unknown[]): Slot {
    return target.slots.of(array, ArraySlot, null, () => new ArraySlot(target, array));
  }

  get(): readonly unknown[] {
    // Its own slice() would call the constructor of a class of arrays.
    return ([] as unknown[]).concat(this.owner);
  }

  /** @throws TraceError for an array with holes: what the graph puts together has none */
  check(): void {
    if (!this.owner.includes(undefined) || isDense(this.owner)) return;
    throw new TraceError(
      'An array that has or gets holes (delete array[i], a greater length, new Array(n)) is changed in a branch or loop that depends on a traced value. Fill it first: new Array(n).fill(0), or set the entry to undefined.',
      this.target.site,
    );
  }

  set(elements: unknown): void {
    const items = Array.prototype.slice.call(elements);
    this.owner.splice(0, this.owner.length, ...items);
    if (isFilled(items)) guardEntries(this.owner);
  }
}

/** Every, some and their like pass holes over. */
function isDense(items: readonly unknown[]): boolean {
  for (let index = 0; index < items.length; index++) if (!(index in items)) return false;
  return true;
}

/** Whether two arrays have the same items. */
export function sameItems(one: unknown, other: unknown): boolean {
  const [items, others] = [one, other] as readonly unknown[][];
  return items!.length === others!.length && items!.every((item, i) => Object.is(item, others![i]));
}

/** A property of an object; MISSING where the object has none of the name. */
export class PropertySlot implements Slot {
  readonly name: string;
  readonly owner: object;
  private readonly key: PropertyKey;

  private constructor(object: object, key: PropertyKey) {
    this.name = String(key);
    this.owner = object;
    this.key = key;
  }

  static of(target: Builder, object: object, key: PropertyKey): Slot {
    return target.slots.of(object, PropertySlot, key, () => new PropertySlot(object, key));
  }

  get(): unknown {
    return Object.hasOwn(this.owner, this.key) ? (this.owner as Record<PropertyKey, unknown>)[this.key] : MISSING;
  }

  set(value: unknown): void {
    if (value === MISSING) Reflect.deleteProperty(this.owner, this.key);
    else (this.owner as Record<PropertyKey, unknown>)[this.key] = value;
  }
}

/** The variables of a compiled statement: a slot each, through the closures that the compiler emitted. */
export interface State {
  readonly names: readonly string[];
  get(): unknown[];
  set(valueAt: (index: number) => unknown): void;
}

/** One of those variables. */
export class VariableSlot implements Slot {
  readonly name: string;
  private readonly state: State;
  private readonly index: number;

  constructor(state: State, index: number) {
    this.name = state.names[index]!;
    this.state = state;
    this.index = index;
  }

  get(): unknown {
    return this.state.get()[this.index];
  }

  set(value: unknown): void {
    const values = this.state.get();
    values[this.index] = value;
    this.state.set((index) => values[index]);
  }
}
