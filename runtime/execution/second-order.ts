import { forwardOf } from '../graph/forwards.ts';
import type { InterventionGraph } from '../graph/graph.ts';
import { usesOf } from '../graph/live.ts';
import type { Value } from '../graph/types.ts';

/** Whether a backward pass of a graph begins at, or is given, something that is computed from a gradient. */
export function isSecondOrder({ root }: InterventionGraph): boolean {
  const made = new Set<Value>();
  /** The forwards that are given something of the kind. What is written stands behind what is read. */
  const forwards = new Set<number>();
  for (let count = -1; count < forwards.size; ) {
    count = forwards.size;
    for (const node of root.nodes) {
      const isMade = usesOf(node).some((value) => made.has(value));
      if (node.op === 'backward') {
        if (isMade) return true;
      } else if (isMade && (node.op === 'write' || node.op === 'forward')) {
        forwards.add(forwardOf(node));
      } else if (node.op === 'grad' || isMade || (node.op === 'read' && forwards.has(forwardOf(node)))) {
        for (const output of node.outputs) made.add(output);
      }
    }
  }
  return false;
}
