/** How many blocks are one session at a time: each holds the model's weights once more. */
export const BLOCKS = 4;

/** Of how many blocks it is known when they ran last. */
const WATCHED = 256;

/**
 * Decides which blocks run as one session. The first ones do from their first run. Once there are as many as may be, a new
 * block runs in segments first; when it runs again, it takes the place of the one that ran longest ago, unless that has
 * run since: blocks that take turns would only push each other out, and those of a sweep run once each.
 */
export class BlockSessions {
  /** When those that are one session ran last; the latest stands last. */
  private readonly chosen = new Map<string, number>();
  /** When others ran last, likewise. */
  private readonly watched = new Map<string, number>();
  private readonly release: (block: string) => void;
  private runs = 0;

  /** @param release is told the blocks that are no longer one session */
  constructor(release: (block: string) => void) {
    this.release = release;
  }

  /**
   * Whether a block, which runs now, does so as one session.
   * @param isPatient whether it can wait for its second run, as others' sessions serve it too
   */
  take(block: string, isPatient: boolean): boolean {
    this.runs++;
    if (this.chosen.delete(block)) {
      this.chosen.set(block, this.runs);
      return true;
    }
    const before = this.watched.get(block);
    if (before === undefined ? isPatient || this.chosen.size === BLOCKS : !this.makesRoom(before)) {
      this.watch(block);
      return false;
    }
    this.watched.delete(block);
    this.chosen.set(block, this.runs);
    return true;
  }

  private makesRoom(before: number): boolean {
    if (this.chosen.size < BLOCKS) return true;
    const [oldest, last] = this.chosen.entries().next().value!;
    if (last > before) return false;
    this.chosen.delete(oldest);
    this.release(oldest);
    return true;
  }

  private watch(block: string): void {
    this.watched.delete(block);
    this.watched.set(block, this.runs);
    if (this.watched.size > WATCHED) this.watched.delete(this.watched.keys().next().value!);
  }
}
