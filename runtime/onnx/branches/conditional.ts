import { makeNode } from '../make.ts';
import { changedNode, type NodeProto } from '../proto.ts';
import { branchesOf } from '../subgraphs.ts';
import { choice } from './choice.ts';
import type { Branch } from './guarded.ts';
import type { Opener } from './open.ts';
import { ranNode } from './ran.ts';

/** Adds the nodes in a conditional's branches, and the conditional, which chooses between what they give. */
export function openConditional(opener: Opener, node: NodeProto, around: Branch | null): void {
  const [condition] = node.input as [string];
  const [of] = node.output as [string];
  const isThen = opener.fresh(`${of}:then`);
  const isElse = opener.fresh(`${of}:else`);
  opener.place(ranNode(makeNode('Reshape', [condition, opener.noDims()], [isThen]), node, around), null);
  opener.place(ranNode(makeNode('Not', [isThen], [isElse]), node, around), null);
  const [then, otherwise] = branchesOf(node).map((branch, side) => {
    const ran = side === 0 ? isThen : isElse;
    const renamed = opener.addBody(branch, { ran: [...(around?.ran ?? []), ran], of });
    return branch.output.map(({ name }) => renamed(name));
  }) as [string[], string[]];
  const chosen = choice(condition, then, otherwise, node.output, node.name);
  opener.place(changedNode(chosen, { metadataProps: node.metadataProps }), around);
}
