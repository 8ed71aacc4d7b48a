import type { GraphProto, NodeProto } from './proto.ts';
import { subgraphsOf } from './subgraphs.ts';

/** The tensors that a node reads: its inputs, then what its subgraphs capture. A name may stand there several times. */
export function readsOf(node: NodeProto): string[] {
  return [...node.input.filter((name) => name !== ''), ...subgraphsOf(node).flatMap(capturesOf)];
}

/** The tensors that a subgraph reads from around it: those that it uses before it makes a tensor of the same name itself. */
export function capturesOf({ input, initializer, sparseInitializer, node, output }: GraphProto): string[] {
  const own = new Set([...input, ...initializer].map(({ name }) => name));
  for (const { values } of sparseInitializer) if (values !== undefined) own.add(values.name);
  const captured: string[] = [];
  for (const inner of node) {
    for (const name of readsOf(inner)) if (!own.has(name)) captured.push(name);
    for (const name of inner.output) own.add(name);
  }
  return [...captured, ...output.map(({ name }) => name).filter((name) => !own.has(name))];
}
