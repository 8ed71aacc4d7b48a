import { HANDOVER, sumOf } from './tiers.ts';

/**
 * Decides when a model gets its session with taps, which takes about as long to create as all of its segments. Where these are
 * not there, it does at once. Where they are, blocks run in them until handing tensors from one to the next has cost as much.
 */
export class Tapping {
  /** What handing over has cost blocks that could have run with taps. */
  private spent = 0;

  /**
   * Whether the session is to be created for a block.
   * @param segments milliseconds that creating each of its segments took; null for one that is not there
   */
  pays(segments: readonly (number | null)[]): boolean {
    const creation = sumOf(segments);
    if (creation === null) return true;
    this.spent += Math.max(0, segments.length - 1) * HANDOVER;
    return this.spent >= creation;
  }
}
