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
