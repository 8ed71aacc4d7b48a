import { usesOf } from '../graph/live.ts';
import type { Node, NodeOf, Value } from '../graph/types.ts';
import { valuesIn, withRegions } from '../graph/walk.ts';

/** The gradients that are taken in bodies of a node. */
export function gradientsInBodies(node: Node): NodeOf<'grad'>[] {
  return node.regions.flatMap(({ nodes }) => [...withRegions(nodes)].filter((inner) => inner.op === 'grad'));
}

/**
 * A gradient in a body of some nodes whose way back leads through another value that the node takes from outside than the
 * tensor by which it is taken. Undefined where there is none.
 * @param leadsTo whether a value is made outside, and computed from another one
 */
export function gradientFromOutside(
  nodes: readonly Node[],
  leadsTo: (value: Value, of: Value) => boolean,
): NodeOf<'grad'> | undefined {
  for (const node of nodes) {
    const gradients = gradientsInBodies(node);
    if (gradients.length === 0) continue;
    const inside = new Set(node.regions.flatMap(valuesIn));
    const taken = usesOf(node).filter((value) => !inside.has(value));
    for (const gradient of gradients) {
      const of = gradient.inputs[1]!;
      if (!inside.has(of) && taken.some((value) => value !== of && leadsTo(value, of))) return gradient;
    }
  }
  return undefined;
}
