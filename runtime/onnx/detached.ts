import type { NodeProto } from './proto.ts';

/** Stands in the doc string of a node through which no gradient flows: to ONNX Runtime it is a copy like any other. */
const MARK = 'onnsight: no gradient flows through this';

/** The same node, through which no gradient flows. */
export function detached(node: NodeProto): NodeProto {
  return { ...node, docString: MARK };
}

export function isDetached({ docString }: NodeProto): boolean {
  return docString === MARK;
}
