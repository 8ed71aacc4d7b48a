import type { GraphProto, NodeProto } from 'onnx-buf';

function subgraphs(node: NodeProto): GraphProto[] {
  return node.attribute.flatMap((attribute) => (attribute.g ? [attribute.g] : attribute.graphs));
}

/** The tensors that a node reads: its inputs and what its subgraphs take from outside. */
export function readsOf(node: NodeProto): string[] {
  const names = node.input.filter((name) => name !== '');
  for (const graph of subgraphs(node)) names.push(...captures(graph));
  return names;
}

function captures(graph: GraphProto): string[] {
  const own = new Set([...graph.input, ...graph.initializer].map(({ name }) => name));
  const outside: string[] = [];
  for (const node of graph.node) {
    for (const name of readsOf(node)) if (!own.has(name)) outside.push(name);
    for (const name of node.output) own.add(name);
  }
  for (const { name } of graph.output) if (!own.has(name)) outside.push(name);
  return outside;
}

/** A node with other names for what it reads, in its subgraphs too. The node itself stays as it is. */
export function renameReads(node: NodeProto, rename: (name: string) => string): NodeProto {
  const input = node.input.map((name) => (name === '' ? '' : rename(name)));
  if (subgraphs(node).length === 0) return input.every((name, i) => name === node.input[i]) ? node : { ...node, input };
  const attribute = node.attribute.map((one) => {
    const graphs = one.graphs.map((graph) => renameGraph(graph, rename));
    return one.g ? { ...one, g: renameGraph(one.g, rename), graphs } : { ...one, graphs };
  });
  return { ...node, input, attribute };
}

function renameGraph(graph: GraphProto, rename: (name: string) => string): GraphProto {
  const outside = new Set(captures(graph));
  const inner = (name: string) => (outside.has(name) ? rename(name) : name);
  const output = graph.output.map((value) => ({ ...value, name: inner(value.name) }));
  return { ...graph, node: graph.node.map((node) => renameReads(node, inner)), output };
}
