import { readsOf } from './captures.ts';
import { ModelError } from './error.ts';
import { isOutOfMadeOrder, madeOrder } from './made-order.ts';
import type { GraphProto, NodeProto } from './proto.ts';

/**
 * A graph whose nodes stand in an order in which each tensor is made before it is read: that of its exporter, as far as it is
 * known. Throws a ModelError that names the tensor where there is none: one that nothing makes, that is made twice, or that
 * needs itself.
 */
export function inOrder(path: string, graph: GraphProto): GraphProto {
  const given = new Set(
    [...graph.input, ...graph.initializer].map(({ name }) => name).concat(graph.sparseInitializer.map(sparseName)),
  );
  const makers = new Map<string, number>();
  graph.node.forEach((node, index) => {
    for (const name of node.output) {
      if (name === '') continue;
      if (makers.has(name) || given.has(name)) throw new ModelError(`${path} makes the tensor ${name} twice`);
      makers.set(name, index);
    }
  });
  const reads = graph.node.map((node) => readsOf(node).filter((name) => !given.has(name)));
  reads.forEach((names, index) => {
    const missing = names.find((name) => !makers.has(name));
    if (missing === undefined) return;
    throw new ModelError(
      `${path} has nothing that makes the tensor ${missing}, which its ${told(graph.node[index]!)} reads`,
    );
  });
  for (const { name } of graph.output) {
    if (!given.has(name) && !makers.has(name))
      throw new ModelError(`${path} has nothing that makes its output ${name}`);
  }
  const needs = reads.map((names) => names.map((name) => makers.get(name)!));
  const isOrdered = needs.every((own, index) => own.every((other) => other < index));
  if (isOrdered && !isOutOfMadeOrder(graph.node)) return graph;
  const order = madeOrder(graph.node, needs, constants(graph, needs));
  if (order.length === graph.node.length) return { ...graph, node: order.map((index) => graph.node[index]!) };
  const circular = graph.node.find((_, index) => !order.includes(index))!;
  throw new ModelError(`${path} goes in a circle: its ${told(circular)} reads what is made from its own result`);
}

/** By node whether no input of the model changes what it makes. */
function constants({ node, input }: GraphProto, needs: readonly (readonly number[])[]): boolean[] {
  const neededBy: number[][] = needs.map(() => []);
  needs.forEach((own, index) => {
    for (const other of own) neededBy[other]!.push(index);
  });
  const inputs = new Set(input.map(({ name }) => name));
  const changing = new Set(
    node.flatMap((one, index) => (readsOf(one).some((name) => inputs.has(name)) ? [index] : [])),
  );
  // Iterating over a set includes elements that are added meanwhile.
  for (const index of changing) for (const reader of neededBy[index]!) changing.add(reader);
  return node.map((_, index) => !changing.has(index));
}

function told({ name, opType }: NodeProto): string {
  return name === '' ? `node (${opType})` : `node ${name} (${opType})`;
}

function sparseName({ values }: GraphProto['sparseInitializer'][number]): string {
  return values?.name ?? '';
}
