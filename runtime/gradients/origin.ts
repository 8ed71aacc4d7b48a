import type { NodeProto } from '../onnx/proto.ts';

/** Begins the doc string of a node of a derivative; the name of the node that it belongs to follows. */
const MARK = 'onnsight: gradient of ';

/** A node of the derivative of another node. Names of nodes are unique, so it has none of its own. */
export function withOrigin(node: NodeProto, origin: string): NodeProto {
  return origin === '' ? node : { ...node, docString: MARK + origin };
}

/** The name of the node of a model that a node belongs to: its own, or that of the node whose derivative it is a part of. */
export function originOf({ name, docString }: NodeProto): string {
  // A copied node has no fields that its original was made without.
  return docString?.startsWith(MARK) ? docString.slice(MARK.length) : (name ?? '');
}
