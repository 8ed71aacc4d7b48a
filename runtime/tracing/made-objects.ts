import type { Doubt } from './doubtful.ts';

/** What a block knows of the objects and arrays that it made in the place of the user's. */
export class MadeObjects {
  /** Those that stand for one that others have, too, or for one of many: a change of it would be seen by none of them. */
  readonly copies = new WeakSet<object>();
  /** Those that were made for a `return`: no code holds them until the function has ended. */
  readonly unnamed = new WeakSet<object>();
  /** Entries that an array may not have: reading one that is not there fails the run. */
  readonly doubtful = new WeakMap<object, Doubt>();
}
