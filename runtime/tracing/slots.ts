import type { Slot } from './journal.ts';

const arrays = new WeakMap<readonly unknown[], ArraySlot>();
const properties = new WeakMap<object, Map<PropertyKey, PropertySlot>>();

/** The elements of a plain array that a block may push to. */
export class ArraySlot implements Slot {
  readonly name = 'an array';
  private readonly array: unknown[];

  private constructor(array: unknown[]) {
    this.array = array;
  }

  static of(array: unknown[]): ArraySlot {
    let slot = arrays.get(array);
    if (!slot) {
      slot = new ArraySlot(array);
      arrays.set(array, slot);
    }
    return slot;
  }

  get(): readonly unknown[] {
    return [...this.array];
  }

  set(elements: unknown): void {
    this.array.splice(0, this.array.length, ...(elements as unknown[]));
  }
}

/** A property of a plain object that a block may assign to. */
export class PropertySlot implements Slot {
  readonly name: string;
  private readonly object: Record<PropertyKey, unknown>;
  private readonly key: PropertyKey;

  private constructor(object: object, key: PropertyKey) {
    this.name = String(key);
    this.object = object as Record<PropertyKey, unknown>;
    this.key = key;
  }

  static of(object: object, key: PropertyKey): PropertySlot {
    let slots = properties.get(object);
    if (!slots) {
      slots = new Map();
      properties.set(object, slots);
    }
    let slot = slots.get(key);
    if (!slot) {
      slot = new PropertySlot(object, key);
      slots.set(key, slot);
    }
    return slot;
  }

  get(): unknown {
    return this.object[this.key];
  }

  set(value: unknown): void {
    this.object[this.key] = value;
  }
}

/** The variables of a compiled statement: a slot each, through the closures that the compiler emitted. */
export interface State {
  readonly names: readonly string[];
  get(): unknown[];
  set(values: readonly unknown[]): void;
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
    this.state.set(values);
  }
}
