import { makeMetadata } from '../make.ts';
import { changedNode, type NodeProto } from '../proto.ts';

/** The metadata of a node that was added when a body was opened. */
const ADDED = 'onnsight.added';
/** The metadata of the node that stands for a conditional or loop whose bodies were opened. */
const STANDS_FOR = 'onnsight.stands-for';

/** What a node of the file takes and gives. */
export interface Ports {
  readonly input: readonly string[];
  readonly output: readonly string[];
}

/** A node that the file does not have. */
export function added(node: NodeProto): NodeProto {
  return changedNode(node, { metadataProps: [...node.metadataProps, ...makeMetadata({ [ADDED]: '' })] });
}

export function isAdded({ metadataProps }: NodeProto): boolean {
  return metadataProps.some(({ key }) => key === ADDED);
}

/** A node in the place of one of the file, whose tensors others may make by now. */
export function standingFor(node: NodeProto, { input, output, metadataProps }: NodeProto): NodeProto {
  const told = makeMetadata({ [STANDS_FOR]: JSON.stringify({ input, output }) });
  return changedNode(node, { metadataProps: [...metadataProps, ...told] });
}

/** What the file's node takes and gives that a node stands for: itself, if nothing else is told. */
export function portsOf(node: NodeProto): Ports {
  const found = node.metadataProps.find(({ key }) => key === STANDS_FOR);
  return found ? JSON.parse(found.value) : node;
}
