import { capturesOf } from './captures.ts';
import { changedNode, type GraphProto, type NodeProto, type ValueInfoProto } from './proto.ts';
import { graphsWithin, mapSubgraphs } from './subgraphs.ts';

type Rename = (name: string) => string;

/**
 * A node with other names for its inputs, in its subgraphs too: there, names that a subgraph gives to tensors of its
 * own stay as they are. The outputs keep their names, and the node itself is not changed.
 */
export function renameReads(node: NodeProto, rename: Rename): NodeProto {
  const input = node.input.map((name) => (name === '' ? '' : rename(name)));
  const renamed = mapSubgraphs(node, (subgraph) => renameCaptures(subgraph, rename));
  const isSame = renamed === node && input.every((name, i) => name === node.input[i]);
  return isSame ? node : changedNode(renamed, { input });
}

function renameCaptures(subgraph: GraphProto, rename: Rename): GraphProto {
  const captured = new Set(capturesOf(subgraph));
  const inner: Rename = (name) => (captured.has(name) ? rename(name) : name);
  const output = subgraph.output.map((value) => ({ ...value, name: inner(value.name) }));
  return { ...subgraph, node: subgraph.node.map((node) => renameReads(node, inner)), output };
}

/** Every name that a graph and the subgraphs in it use for a tensor. */
export function tensorNames(graph: GraphProto): Set<string> {
  const names = new Set<string>();
  for (const { input, output, initializer, node } of graphsWithin(graph)) {
    for (const { name } of [...input, ...output, ...initializer]) names.add(name);
    for (const inner of node) for (const name of [...inner.input, ...inner.output]) names.add(name);
  }
  names.delete('');
  return names;
}

/** A graph with other names for all its tensors and nodes, in its subgraphs too. No two tensors may have one name. */
export function renameAll(graph: GraphProto, rename: Rename, renameNode: Rename = (name) => name): GraphProto {
  const named = (name: string) => (name === '' ? '' : rename(name));
  const info = (value: ValueInfoProto): ValueInfoProto => ({ ...value, name: rename(value.name) });
  const inner = (node: NodeProto): NodeProto =>
    changedNode(
      mapSubgraphs(node, (subgraph) => renameAll(subgraph, rename, renameNode)),
      { name: renameNode(node.name), input: node.input.map(named), output: node.output.map(named) },
    );
  return {
    ...graph,
    node: graph.node.map(inner),
    initializer: graph.initializer.map((tensor) => ({ ...tensor, name: rename(tensor.name) })),
    input: graph.input.map(info),
    output: graph.output.map(info),
    valueInfo: graph.valueInfo.map(info),
  };
}
