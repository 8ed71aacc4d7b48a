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
    const output = node.output.map((name) => (name === '' ? '' : 'made'));
    kind = subgraphsOf(node).length > 0 ? null : nodeText({ ...node, input: [], output });
    known.set(node, kind);
  }
  return kind;
}
