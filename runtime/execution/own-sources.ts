import { usesOf } from '../graph/live.ts';
import type { Op } from '../graph/ops.ts';
import type { Node, Value } from '../graph/types.ts';
import { gradientsInBodies } from '../lowering/body-gradients.ts';

/** What is made once: by a model, a function, a backward pass, or the user. */
const ONCE: ReadonlySet<Op> = new Set<Op>([
  'operand',
  'read',
  'write',
  'call',
  'forward',
  'apply',
  'backward',
  'grad',
  'setgrad',
]);

/**
 * Nodes that run in one go, with those before them that the block itself has computed from its operands: a gradient that is
 * taken in a branch or loop goes back through what runs there, and computing these again costs little.
 * @param all the nodes of the region, in order
 * @param targets the values whose gradients are read or set: each is made once
 */
export function withOwnSources(
  nodes: readonly Node[],
  all: readonly Node[],
  targets: ReadonlySet<Value>,
): readonly Node[] {
  if (!nodes.some((node) => gradientsInBodies(node).length > 0)) return nodes;
  const here = new Set(nodes);
  const around = new Set(all);
  const found = new Set<Node>();
  const pending = nodes.flatMap(usesOf);
  for (let value = pending.pop(); value; value = pending.pop()) {
    const { node } = value;
    if (!node || here.has(node) || found.has(node) || !around.has(node)) continue;
    if (ONCE.has(node.op) || node.regions.length > 0 || node.outputs.some((output) => targets.has(output))) continue;
    found.add(node);
    pending.push(...usesOf(node));
  }
  return found.size === 0 ? nodes : [...all.filter((node) => found.has(node)), ...nodes];
}
