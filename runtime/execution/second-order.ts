import { forwardOf } from '../graph/forwards.ts';
import type { InterventionGraph } from '../graph/graph.ts';
import { usesOf } from '../graph/live.ts';
import type { Value } from '../graph/types.ts';
import { withRegions } from '../graph/walk.ts';

/** Whether a backward pass of a graph begins at, or is given, something that is computed from a gradient. */
export function isSecondOrder({ root }: InterventionGraph): boolean {
  const made = new Set<Value>();
  /** The forwards that are given something of the kind. What is written stands behind what is read. */
  const forwards = new Set<number>();
  const nodes = [...withRegions(root.nodes)];
  for (let count = -1; count < made.size + forwards.size; ) {
    count = made.size + forwards.size;
    for (const node of nodes) {
      const isMade = usesOf(node).some((value) => made.has(value));
      if (node.op === 'backward') {
        if (isMade) return true;
      } else if (isMade && (node.op === 'write' || node.op === 'forward')) {
        forwards.add(forwardOf(node));
      } else if (node.op === 'grad' || isMade || (node.op === 'read' && forwards.has(forwardOf(node)))) {
        for (const output of node.outputs) made.add(output);
      }
      // What goes from iteration to iteration.
      if (node.op === 'loop' && isMade) for (const value of node.regions[0]!.parameters) made.add(value);
    }
  }
  return false;
}
