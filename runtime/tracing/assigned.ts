import type { Region } from '../graph/types.ts';
import { withRegions } from '../graph/walk.ts';
import type { Rows } from './rows.ts';
import type { Storage } from './storage.ts';

/** A tensor of the block that was assigned to a tensor of a model. */
export interface Assigned {
  readonly storage: Storage;
  readonly forward: object;
  /** What it was assigned to. */
  readonly name: string;
  /** The body that the assignment stands in. */
  readonly region: Region;
  /** The invoke that alone sees it so; null for all. */
  readonly rows: Rows | null;
}

/** Which tensors of the block the model's tensors are at the moment. */
export class AssignedTensors {
  private all: readonly Assigned[] = [];

  /** Notes an assignment. Those before it to the same tensor no longer count, if it is made wherever they were. */
  add(one: Assigned): void {
    const isReplaced = ({ forward, name, rows, region }: Assigned) =>
      forward === one.forward && name === one.name && rows === one.rows && isWithin(region, one.region);
    this.all = [...this.all.filter((other) => !isReplaced(other)), one];
  }

  /** An assignment of a tensor that may have been made, where code in some bodies runs, each in the one before. */
  find(storage: Storage, forward: object | null, rows: Rows | null, bodies: readonly Region[]): Assigned | undefined {
    return this.all.find(
      (one) =>
        one.storage === storage &&
        one.forward === forward &&
        // A tensor of the model has the rows of all invokes, and another invoke may change its own.
        (one.rows === null || one.rows === rows || !storage.isOfForward) &&
        bodies.some((body) => isWithin(one.region, body)),
    );
  }
}

/** Whether a body is another one, or a part of a conditional or loop in it that has been recorded. */
function isWithin(region: Region, around: Region): boolean {
  return region === around || [...withRegions(around.nodes)].some(({ regions }) => regions.includes(region));
}
