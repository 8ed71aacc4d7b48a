import type { Node, Region } from './types.ts';

/**
 * Whether a conditional node can be made several, one for each of its results. A branch that sets one module and reads
 * or sets a later one gives results that stand before and behind that module: no single node can.
 */
export function canSplit({ op, outputs }: Node): boolean {
  return op === 'if' && outputs.length > 1;
}

/**
 * Puts, in the place of a conditional node, one for each of its results, and so with those in its branches. Each keeps
 * of the branches what it needs.
 */
export function splitConditional(region: Region, node: Node): void {
  for (const body of node.regions) {
    for (const inner of [...body.nodes]) if (canSplit(inner)) splitConditional(body, inner);
  }
  const parts = node.outputs.map((output, i) => {
    const regions = node.regions.map((body) => ({ ...body, results: [body.results[i]!] }));
    const part = { ...node, regions, outputs: [output] };
    // The value stays the one that the rest of the graph knows.
    Object.assign(output, { node: part, index: 0 });
    return part;
  });
  region.nodes.splice(region.nodes.indexOf(node), 1, ...parts);
}
