import type { Node, Region, Value } from './types.ts';

/** Nodes and the nodes in their bodies, outer ones first. Operands are left out: they are not run. */
export function* withRegions(nodes: readonly Node[]): Generator<Node> {
  for (const node of nodes) {
    if (node.op === 'operand') continue;
    yield node;
    for (const region of node.regions) yield* withRegions(region.nodes);
  }
}

/** The values that are made in a body, and in the bodies in it. */
export function valuesIn({ parameters, nodes }: Region): Value[] {
  return [...parameters, ...nodes.flatMap((node) => [...node.outputs, ...node.regions.flatMap(valuesIn)])];
}
