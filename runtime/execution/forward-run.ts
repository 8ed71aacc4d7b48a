import type { Value } from '../graph/types.ts';
import type { ModelRun } from './composite.ts';

/** A forward that is to run. */
export interface ForwardRun extends ModelRun {
  /** Which forward it runs in the middle of: another model's, which calls it there, or its own number. */
  readonly owner: number;
  /** Values that are looked at before it runs, besides those that its inputs are. */
  awaited?: readonly Value[];
  /** How many forwards there are like it, where they are steps of a generation. */
  alike?: number;
}
