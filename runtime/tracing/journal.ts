import type { Region } from '../graph/types.ts';

/**
 * A place whose value a block can change: a variable, a property of an object, the content of a tensor, the tensor
 * that stands at a module's output. Conditionals and loops turn changed slots into results of the node.
 */
export interface Slot {
  readonly name: string;
  /** Where it was made, if it cannot be reached from outside of there. */
  readonly region?: Region;
  get(): unknown;
  set(value: unknown): void;
}

/** What one run of a body changed: slot by slot, the value before the first change. */
export class Journal {
  private readonly before = new Map<Slot, unknown>();

  /** To be called before a slot changes. */
  note(slot: Slot): void {
    if (!this.before.has(slot)) this.before.set(slot, slot.get());
  }

  /** The slots that have another value now than before. */
  changes(): Change[] {
    const changes: Change[] = [];
    for (const [slot, before] of this.before) {
      const after = slot.get();
      if (!Object.is(before, after)) changes.push({ slot, before, after });
    }
    return changes;
  }

  /** Puts everything back as it was. */
  undo(): void {
    // Backwards: two slots may stand for one variable, and the one that was noted first knows the older value.
    for (const [slot, before] of [...this.before].reverse()) slot.set(before);
  }
}

export interface Change {
  readonly slot: Slot;
  readonly before: unknown;
  readonly after: unknown;
}
