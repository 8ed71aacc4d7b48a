import { TraceError } from '../errors.ts';
import { forwardOf, isForwardNode } from '../graph/forwards.ts';
import type { InterventionGraph } from '../graph/graph.ts';
import { usesOf } from '../graph/live.ts';
import type { Node, NodeOf, Value } from '../graph/types.ts';
import { gradientFromOutside } from '../lowering/body-gradients.ts';
import { Dependencies } from '../lowering/dependencies.ts';
import type { ForwardModel } from '../lowering/forward.ts';

/** Whether a value is computed of more than operands. */
function isOfModel(value: Value): boolean {
  const found = new Set<Value>();
  const pending = [value];
  for (let next = pending.pop(); next; next = pending.pop()) {
    if (found.has(next)) continue;
    found.add(next);
    const { node } = next;
    if (!node || isForwardNode(node) || node.op === 'apply') return true;
    pending.push(...usesOf(node));
  }
  return false;
}

/**
 * Throws a TraceError for a gradient in a branch or loop that would have to leave the model that runs it.
 * @param nodes what that model runs in one go
 */
export function checkReach(graph: InterventionGraph, nodes: readonly Node[], models: readonly ForwardModel[]): void {
  // Most runs have no gradient in a body, and a generation has a graph of all its steps.
  if (!nodes.some(({ regions }) => regions.length > 0)) return;
  const made = new Set(nodes.flatMap(({ outputs }) => outputs));
  const root = new Set(graph.root.nodes);
  let dependencies: Dependencies | null = null;
  const far = gradientFromOutside(nodes, (taken, of) =>
    sourcesOf(taken).some((value) => value !== of && isFar(value, of)),
  );
  /** What a value is computed from here, and what of other runs: itself, if it is made there. */
  function sourcesOf(value: Value): Value[] {
    const found = new Set<Value>();
    const pending = [value];
    for (let next = pending.pop(); next; next = pending.pop()) {
      if (found.has(next)) continue;
      found.add(next);
      const { node } = next;
      if (!made.has(next) || !node || node.op === 'detach') continue;
      pending.push(...usesOf(node));
      // What a module gives may be computed from all that the block sets in its forward.
      if (node.op === 'read') pending.push(...written(node));
    }
    return [...found].filter((one) => !made.has(one));
  }
  function written(read: NodeOf<'read'>): Value[] {
    const writes = nodes.filter((node) => node.op === 'write' && forwardOf(node) === forwardOf(read));
    const inputs = writes.map(({ inputs }) => inputs[0]!);
    if (!root.has(read)) return inputs;
    dependencies ??= new Dependencies(graph, models);
    return inputs.filter((input) => dependencies!.isComputedFrom(read.outputs[0]!, input));
  }
  function isFar(value: Value, of: Value): boolean {
    const { node } = value;
    if (!node || node.op === 'operand') return false;
    // A weight is one in all runs of a model.
    if (of.node?.op === 'read' && of.node.attributes.port === 'parameter') return isOfModel(value);
    if (made.has(of)) return false;
    // Around whole traces it cannot be told.
    if (!root.has(node) || !of.node || !root.has(of.node)) return !root.has(node);
    dependencies ??= new Dependencies(graph, models);
    return dependencies.isComputedFrom(value, of);
  }
  if (!far) return;
  throw new TraceError(
    'This gradient is taken in a branch or loop that depends on a traced value, and would have to pass through what was computed before it: by the block itself, a forward pass, a function or another model. Compute the loss there, assign it to a variable declared before, and call backward after the branch or loop; or take the gradient by what the branch or loop itself has computed.',
    far.site,
  );
}
