import type { Region } from '../graph/types.ts';
import { inner, saving } from './hidden.ts';
import type { SavedProxy } from './saves.ts';

/** The saves of one block. */
export class BlockSaves {
  private readonly list: SavedProxy[] = [];
  private readonly byBody = new Map<Region, SavedProxy[]>();

  /** All of them, in the order of the source. */
  get all(): readonly SavedProxy[] {
    return this.list;
  }

  add(saved: SavedProxy): void {
    this.list.push(saved);
    const { body } = saved[saving];
    const here = this.byBody.get(body) ?? [];
    this.byBody.set(body, here);
    here.push(saved);
  }

  /** The saves of a body that has just run are the values they have at its end. */
  settle(body: Region): void {
    for (const saved of this.byBody.get(body) ?? []) {
      if (saved[saving].state === 'pending') {
        const value = saved[inner].value();
        saved[saving].state = { kind: 'single', value, when: saved[saving].when };
        saved[saving].value = value;
      }
    }
  }

  /** Forgets the saves that conditionals in a body made: the saves of the node around replace them. */
  dropMerged(bodies: readonly Region[]): void {
    const merged = bodies.flatMap((body) => this.byBody.get(body) ?? []).filter((saved) => saved[saving].when);
    for (const saved of merged) this.list.splice(this.list.lastIndexOf(saved), 1);
  }

  /** None but the first `count` come back, and what stands for one of them: the others were saved after `stop()`. */
  stop(count: number): void {
    const late = new Set(this.list.slice(count));
    for (const saved of late) {
      if (saved[saving].merged.some((one) => !late.has(one))) late.delete(saved);
      else {
        saved[saving].state = null;
        saved[saving].absence = 'was saved after stop()';
      }
    }
  }

  /** Forgets all but the first `count`: the others stood in a body that only ran on trial. */
  dropAfter(count: number): void {
    this.list.splice(count);
  }
}
