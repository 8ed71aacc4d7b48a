import type { Region, Site } from '../graph/types.ts';

/**
 * Something that a block can change: a variable, a property of an object, the content of a tensor, the tensor
 * that stands at a module's output. Conditionals and loops turn changed slots into results of the node.
 */
export interface Slot {
  readonly name: string;
  /** Where it was made, if it cannot be reached from outside of there. */
  readonly region?: Region;
  /** The object that it is a part of. */
  readonly owner?: object;
  /** Whether it belongs to one forward, so that nobody sees it where that does not run. */
  readonly isOfForward?: boolean;
  /** Whether it is a variable from outside of the trace, which code reads when the trace has run. */
  readonly isOutside?: boolean;
  /** For a slot that cannot hold a value of the graph: the meaning of a change of it, for the error: `an entry is added`. */
  readonly fixed?: string;
  get(): unknown;
  set(value: unknown): void;
  /** Refuses what a conditional or loop cannot put together. */
  check?(): void;
  /** Whether two values of the slot are equal, if that is not identity. */
  same?(one: unknown, other: unknown): boolean;
}

/** The body in which each object was made, by its number. */
export type Births = WeakMap<object, number>;

/** The changes of one run of a body: for each slot, the value before the first change. */
export class Journal {
  /** When the body began. */
  private readonly start: number;
  private readonly births: Births;
  private readonly before = new Map<Slot, Noted>();

  constructor(start: number, births: Births) {
    this.start = start;
    this.births = births;
  }

  /** To be called before a slot changes. */
  note(slot: Slot, site: Site | null): void {
    if (this.before.has(slot) || this.made(slot.owner ?? slot)) return;
    slot.check?.();
    this.before.set(slot, { value: slot.get(), site });
  }

  /** Whether an object was made in the body: its changes there concern no other body. */
  made(object: object): boolean {
    return (this.births.get(object) ?? 0) >= this.start;
  }

  /** The slots that have another value now than before. */
  changes(): Change[] {
    const changes: Change[] = [];
    for (const [slot, { value: before, site }] of this.before) {
      // A class's instance is known to be new only when its constructor has ended.
      if (this.made(slot.owner ?? slot)) continue;
      slot.check?.();
      const after = slot.get();
      if (!isSame(slot, before, after)) changes.push({ slot, before, after, site });
    }
    return changes;
  }

  /** Puts everything back as it was. */
  undo(): void {
    // Backwards: two slots may stand for one variable, and the one that was noted first knows the older value.
    for (const [slot, { value }] of [...this.before].reverse()) {
      if (!this.made(slot.owner ?? slot) && !isSame(slot, value, slot.get())) slot.set(value);
    }
  }
}

/** What a slot held before its first change, and the user's line of that. */
export interface Noted {
  readonly value: unknown;
  readonly site: Site | null;
}

export interface Change {
  readonly slot: Slot;
  readonly before: unknown;
  readonly after: unknown;
  /** The user's line that changed it first. */
  readonly site: Site | null;
}

export function isSame(slot: Slot, one: unknown, other: unknown): boolean {
  return slot.same ? slot.same(one, other) : Object.is(one, other);
}
