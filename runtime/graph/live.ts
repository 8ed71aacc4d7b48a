import type { Node, Region, Value } from './types.ts';

/** The nodes of a body that its results depend on, in order. */
export function liveNodes(region: Region): Node[] {
  const needed = new Set<Value>(region.results);
  const live = region.nodes.toReversed().filter((node) => {
    if (!node.outputs.some((output) => needed.has(output))) return false;
    for (const value of usesOf(node)) needed.add(value);
    return true;
  });
  return live.reverse();
}

/** The values that a node uses, those in its bodies too. */
export function usesOf(node: Node): Value[] {
  return [...node.inputs, ...node.regions.flatMap((region) => [...region.nodes.flatMap(usesOf), ...region.results])];
}
