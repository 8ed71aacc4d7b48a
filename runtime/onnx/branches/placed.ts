import type { NodeProto } from '../proto.ts';
import type { Branch } from './branch.ts';
import { guarded } from './guarded.ts';

/** A node that was taken out of a branch, or stands in none: before it is put in a conditional of its own. */
export interface Placed {
  readonly node: NodeProto;
  /** Null for a node that runs in any case. */
  readonly branch: Branch | null;
  /** The element types of what it makes, as far as they are known: of a node of a branch all. */
  readonly types: readonly (number | undefined)[];
  /** Of a node that hands on what leaves a module: its path. */
  readonly leaves?: string;
}

/** The node as it stands in the model in the end. */
export function placedNode({ node, branch, types }: Placed): NodeProto {
  return branch === null ? node : guarded(node, branch, types as readonly number[]);
}
