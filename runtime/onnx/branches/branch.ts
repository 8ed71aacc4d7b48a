import { makeMetadata } from '../make.ts';
import { changedNode, type NodeProto } from '../proto.ts';

/** The metadata of a node that was taken out of a branch. */
const BRANCH = 'onnsight.branch';

/** Where a node stood that was taken out of the branches of a model. */
export interface Branch {
  /**
   * The tensors that say whether it runs, those of the branches around it from the outermost to its own. None for a node that
   * both branches have.
   */
  readonly ran: readonly string[];
  /** A tensor of a node that stands where the If or Loop around stood. */
  readonly of: string;
  /** Of a loop: which iteration it is. */
  readonly iteration?: number;
  /** Of the last iteration of a loop that was written out: the tensor that says whether the loop goes on. */
  readonly more?: string;
}

/** A branch in a conditional or loop. @param of a tensor of a node that stands where that stood @param ran those of its own */
export function branchIn(around: Branch | null, of: string, ran: readonly string[] = []): Branch {
  return { ...around, ran: [...(around?.ran ?? []), ...ran], of };
}

/** A node with a note of where it stood. */
export function inBranch(node: NodeProto, branch: Branch): NodeProto {
  const metadataProps = [...node.metadataProps, ...makeMetadata({ [BRANCH]: JSON.stringify(branch) })];
  return changedNode(node, { metadataProps });
}

/** The branch that a node was taken out of; null for any other node. */
export function branchOf({ metadataProps }: NodeProto): Branch | null {
  const found = metadataProps.find(({ key }) => key === BRANCH);
  return found ? JSON.parse(found.value) : null;
}
