import { keyOf } from '../graph/key.ts';
import { type NodeProto, nodeText } from './proto.ts';
import { subgraphsOf } from './subgraphs.ts';

const known = new WeakMap<NodeProto, string | null>();

/**
 * A text that is the same for nodes with the same operator, attributes and number of outputs, whatever they read; null for
 * nodes with bodies, which read by name what stands around them.
 */
export function nodeKind(node: NodeProto): string | null {
  let kind = known.get(node);
  if (kind === undefined) {
    kind = subgraphsOf(node).length > 0 ? null : kindOf(node);
    known.set(node, kind);
  }
  return kind;
}

function kindOf(node: NodeProto): string {
  const { attribute, domain, opType, overload } = node;
  const output = node.output.map((name) => (name === '' ? '' : 'made'));
  // Encoding takes long for thousands of nodes, and most have no attributes.
  return attribute.length > 0 ? nodeText({ ...node, input: [], output }) : keyOf([domain, opType, overload, output]);
}
