import { TraceError } from '../errors.ts';
import type { InterventionGraph } from '../graph/graph.ts';
import type { Node } from '../graph/types.ts';
import { gradientFromOutside } from '../lowering/body-gradients.ts';
import { Dependencies } from '../lowering/dependencies.ts';
import type { ForwardModel } from '../lowering/forward.ts';

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
  const far = gradientFromOutside(nodes, (value, of) => {
    const { node } = value;
    if (made.has(value) || !node || node.op === 'operand') return false;
    // A weight is one in all runs of a model.
    if (of.node?.op === 'read' && of.node.attributes.port === 'parameter') return true;
    if (made.has(of)) return false;
    // Around whole traces it cannot be told.
    if (!root.has(node) || !of.node || !root.has(of.node)) return !root.has(node);
    dependencies ??= new Dependencies(graph, models);
    return dependencies.isComputedFrom(value, of);
  });
  if (!far) return;
  throw new TraceError(
    'This gradient is taken in a branch or loop that depends on a traced value, and would have to pass through what was computed before it: by the block itself, a forward pass, a function or another model. Compute the loss there, assign it to a variable declared before, and call backward after the branch or loop; or take the gradient by what the branch or loop itself has computed.',
    far.site,
  );
}
