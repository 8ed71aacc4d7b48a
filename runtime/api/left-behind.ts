import type { Site, Value } from '../graph/types.ts';
import { isOwnProxy } from '../own-proxies.ts';
import { wrap } from '../tracing/apply.ts';
import type { Builder } from '../tracing/builder.ts';
import { leavesOf, plainValuesOf, type TensorForm, tensorsOf } from '../tracing/forms/form.ts';
import { inner } from '../tracing/hidden.ts';
import { GraphEntries } from '../tracing/lists.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import { isSaved } from '../tracing/saves.ts';
import { sameItems } from '../tracing/slots.ts';
import { settled, type Varying, varyingOf } from '../tracing/varying.ts';
import { type At, entriesBack, isTrue } from './entries-back.ts';

/** What a variable, property or entry holds once the run has told. */
type Outcome = (at: At) => unknown;

/** Somewhere that code after the trace looks. */
interface Place {
  get(): unknown;
  set(value: unknown): void;
}

/** What is left at one of them. */
interface Left {
  /** The run has ended. What was set since stays. */
  settle(at: At): void;
  /** It has failed. */
  undo(): void;
}

/** A variable, or a part of an object, that a block has changed; `site` is the line. */
export interface Changed {
  readonly name: string;
  readonly owner: object | null;
  readonly site: Site | null;
}

/**
 * What variables and objects from outside hold when the block is over. Code after the trace asks them as JavaScript does,
 * so that they get what the run decided: one of several values, the number that a number has become, the entries of an
 * array. Tensors come back by save() only.
 */
export class LeftBehind {
  private readonly target: Builder;
  private readonly wanted = new Set<Value>();
  private readonly all: Left[] = [];
  /** The arrays to which entries were added, each with how many it had. */
  private readonly longer = new Map<unknown[], number>();
  private readonly seen = new Set<object>();
  /** What holds something that only the run knows. */
  readonly changed: Changed[] = [];

  constructor(target: Builder) {
    this.target = target;
    for (const [slot, { value: before, site }] of target.outside) {
      const count = this.all.length;
      if (slot.owner && target.isMade(slot.owner)) continue;
      if (Array.isArray(slot.owner)) this.lookAtArray(slot.owner, before as readonly unknown[]);
      else this.lookAt(slot, before);
      if (this.all.length > count) this.changed.push({ name: slot.name, owner: slot.owner ?? null, site });
    }
  }

  /** What the run has to tell. */
  get values(): Iterable<Value> {
    return this.wanted;
  }

  /** Takes added entries away until the run has ended, so that traces beside one another can add to one array. */
  suspend(): void {
    for (const [array, length] of this.longer) array.length = length;
  }

  settle(at: At): void {
    for (const one of this.all) one.settle(at);
  }

  undo(): void {
    for (const one of this.all) one.undo();
  }

  private lookAt(place: Place, before: unknown): void {
    const held = place.get();
    const outcome = this.outcomeOf(held, before);
    if (!outcome) return;
    const setTo = (value: unknown) => {
      if (place.get() === held) place.set(value);
    };
    this.all.push({ settle: (at) => setTo(outcome(at)), undo: () => setTo(before) });
  }

  private lookAtArray(array: unknown[], before: readonly unknown[]): void {
    if (this.isSeen(array)) return;
    const outcomes = new Map<unknown, Outcome>();
    let known: readonly unknown[] = before;
    array.forEach((item, i) => {
      const outcome = item instanceof GraphEntries ? this.entriesOf(item) : this.outcomeOf(item, known[i]);
      if (outcome) outcomes.set(item, outcome);
      if (item instanceof GraphEntries) known = [];
    });
    if (outcomes.size === 0) return;
    const held = ([] as unknown[]).concat(array);
    const settled = (items: readonly unknown[], at: At) =>
      items.flatMap((item) => {
        const outcome = outcomes.get(item);
        if (!outcome) return [item];
        return item instanceof GraphEntries ? (outcome(at) as unknown[]) : [outcome(at)];
      });
    if (before.every((item, i) => Object.is(item, held[i]))) {
      this.longer.set(array, before.length);
      const added = held.slice(before.length);
      this.all.push({ settle: (at) => fill(array, array.length, settled(added, at)), undo: () => {} });
    } else {
      const refill = (items: readonly unknown[]) => {
        if (sameItems(array, held)) fill(array, 0, items);
      };
      this.all.push({ settle: (at) => refill(settled(held, at)), undo: () => refill(before) });
    }
  }

  /** What becomes of a value that only the run knows; null of others, in which it looks for such values. */
  private outcomeOf(held: unknown, before: unknown): Outcome | null {
    const varying = varyingOf(held);
    if (varying) return this.caseOf(varying, before);
    if (held instanceof TensorProxy) return this.numberOf(held, before);
    this.lookInside(held);
    return null;
  }

  private caseOf({ builder, cases }: Varying, before: unknown): Outcome | null {
    if (builder !== this.target || !this.want(cases.map(({ test }) => test))) return null;
    const outcomes = cases.map(({ value }) => this.outcomeOf(value, before));
    return (at) => {
      const index = cases.findIndex(({ test }) => isTrue(at(test)));
      return outcomes[index] ? outcomes[index](at) : settled(cases[index]?.value);
    };
  }

  /**
   * Of a number that was one before or that the block wrote down, and of a truth: whoever asks `if (found)` means the truth.
   */
  private numberOf(held: TensorProxy, before: unknown): Outcome | null {
    if (held[inner].builder !== this.target || isSaved(held) || !held[inner].isReachable()) return null;
    const { type } = held[inner];
    const plain = held[inner].plain ?? [];
    if (type.shape?.length !== 0) return null;
    const isNumber = plain.length > 0 || typeof before === 'number' || typeof before === 'boolean';
    if (!isNumber && type.dtype !== 'bool') return null;
    const value = held[inner].value();
    if (!this.want([value, ...plain.map(({ test }) => test)])) return null;
    return (at) => {
      const known = plain.find(({ test, is }) => isTrue(at(test)) === is);
      const number = known ? known.value : at(value)?.item();
      return number === undefined ? held : plainNumber(number);
    };
  }

  private entriesOf(entries: GraphEntries): Outcome | null {
    const { builder, form, counter } = entries;
    if (builder !== this.target) return null;
    const left = new Set(tensorsOf(form).filter((one) => !entries.isKept && !comesBack(one)));
    const unsaved = new Set([...left].map(({ leaf }) => leaf));
    const lists = [counter, ...leavesOf(form).filter((leaf) => !unsaved.has(leaf))];
    if (!this.want(lists.flatMap(({ data, shapes, ranks }) => [data, shapes, ranks]))) return null;
    for (const value of plainValuesOf(form)) this.lookInside(value);
    // Like any tensor of the block that was not saved: what uses it gets the error that says so.
    const standIn = wrap(builder, counter.ranks);
    return (at) =>
      entriesBack(entries, at, {
        plain: (value) => value,
        tensor: (tensor, one) => {
          if (entries.isKept || one.saves.length > 0) return tensor;
          return comesBack(one) ? plainNumber(tensor!.item()) : standIn;
        },
      });
  }

  /** Looks at what an object holds that was made in the block; those from before are looked at where they were changed. */
  private lookInside(value: unknown): void {
    if (typeof value !== 'object' || value === null || isOwnProxy(value) || !this.target.isMade(value)) return;
    if (Array.isArray(value)) this.lookAtArray(value, []);
    else if (!ArrayBuffer.isView(value) && !this.isSeen(value))
      for (const place of placesIn(value)) this.lookAt(place, null);
  }

  private isSeen(object: object): boolean {
    const isSeen = this.seen.has(object);
    this.seen.add(object);
    return isSeen;
  }

  /** Wants values from the run. Gives whether it has all of them. */
  private want(values: readonly Value[]): boolean {
    if (!values.every((value) => this.target.scope.visible(value))) return false;
    for (const value of values) this.wanted.add(value);
    return true;
  }
}

/** Whether a tensor of an entry comes back: one that is saved, or a number. */
function comesBack({ type, saves, isMixed }: TensorForm<unknown>): boolean {
  return saves.length > 0 || (type.shape?.length === 0 && !isMixed);
}

/** The entries of a Map, and the properties of an object. */
function placesIn(object: object): Place[] {
  const entries = object instanceof Map ? [...object.keys()].map((key) => entryOf(object, key)) : [];
  const properties = Reflect.ownKeys(object).filter((key) => 'value' in Object.getOwnPropertyDescriptor(object, key)!);
  return [...entries, ...properties.map((key) => propertyOf(object as Record<PropertyKey, unknown>, key))];
}

function entryOf(map: Map<unknown, unknown>, key: unknown): Place {
  return { get: () => map.get(key), set: (value) => map.set(key, value) };
}

function propertyOf(object: Record<PropertyKey, unknown>, key: PropertyKey): Place {
  return {
    get: () => object[key],
    set: (value) => {
      object[key] = value;
    },
  };
}

/** Gives an array other items from one on. */
function fill(array: unknown[], start: number, items: readonly unknown[]): void {
  array.length = start;
  for (const item of items) array.push(item);
  // It has nothing any more that JavaScript's own iteration is kept from.
  Reflect.deleteProperty(array, Symbol.iterator);
}

function plainNumber(value: unknown): unknown {
  return typeof value === 'bigint' ? Number(value) : value;
}
