import type { Slot } from './journal.ts';

/**
 * How many lines a block has printed: a number, or in and behind branches and loops of the graph one that only the run
 * knows. It tells the order in which lines were reached.
 */
export class LineCount implements Slot {
  readonly name = 'the number of printed lines';
  private count: unknown = 0;

  get(): unknown {
    return this.count;
  }

  set(count: unknown): void {
    this.count = count;
  }
}
