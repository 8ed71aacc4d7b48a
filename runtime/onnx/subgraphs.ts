import { changedNode, type GraphProto, type NodeProto } from './proto.ts';

/**
 * The subgraphs of a node: the branches of an If, the body of a Loop or a Scan. They stand in attributes, and this file is
 * the only one that looks there.
 */
export function subgraphsOf({ attribute }: NodeProto): readonly GraphProto[] {
  return attribute.flatMap(({ g, graphs }) => (g === undefined ? graphs : [g, ...graphs]));
}

/** The branches of an If. */
export function branchesOf({ attribute }: NodeProto): [then: GraphProto, otherwise: GraphProto] {
  const branch = (side: string) => attribute.find(({ name }) => name === side)!.g!;
  return [branch('then_branch'), branch('else_branch')];
}

/** A node with other subgraphs; the node itself where it has none. */
export function mapSubgraphs(node: NodeProto, map: (subgraph: GraphProto) => GraphProto): NodeProto {
  if (subgraphsOf(node).length === 0) return node;
  const attribute = node.attribute.map((one) => ({
    ...one,
    graphs: one.graphs.map(map),
    ...(one.g && { g: map(one.g) }),
  }));
  return changedNode(node, { attribute });
}

/** Some nodes with those in their subgraphs, however deep: each before those inside of it. */
export function* nodesWithin(nodes: Iterable<NodeProto>): Generator<NodeProto> {
  for (const node of nodes) {
    yield node;
    for (const { node: inner } of subgraphsOf(node)) yield* nodesWithin(inner);
  }
}

/** A graph with the subgraphs in it, however deep: each before those inside of it. */
export function* graphsWithin(graph: GraphProto): Generator<GraphProto> {
  yield graph;
  for (const node of graph.node) for (const inner of subgraphsOf(node)) yield* graphsWithin(inner);
}
