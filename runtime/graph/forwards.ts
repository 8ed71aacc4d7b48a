import type { Node, NodeOf } from './types.ts';

/** A node that belongs to a forward: it reads, writes or calls something of the model. */
export type ForwardNode = NodeOf<'read'> | NodeOf<'write'> | NodeOf<'call'> | NodeOf<'forward'>;

export function isForwardNode(node: Node): node is ForwardNode {
  return node.op === 'read' || node.op === 'write' || node.op === 'call' || node.op === 'forward';
}

/** Which forward of its graph a node belongs to. */
export function forwardOf({ attributes }: ForwardNode): number {
  return attributes.forward;
}

/** The forwards whose reads and writes stand in the regions of a node: whole traces under a condition or in a loop. */
export function forwardsIn(node: Node): number[] {
  return node.regions.flatMap(({ nodes }) =>
    nodes.flatMap((inner) => [
      ...(inner.op === 'read' || inner.op === 'write' ? [forwardOf(inner)] : []),
      ...forwardsIn(inner),
    ]),
  );
}

/** Whether a node is a conditional or loop around whole traces. */
export function isHosted(node: Node): boolean {
  return forwardsIn(node).length > 0;
}
