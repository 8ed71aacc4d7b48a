import type { InterventionGraph } from '../../graph/graph.ts';
import type { Value } from '../../graph/types.ts';

/**
 * An output that is there only where what the block demands holds: nobody fetches anything from a bundle but its outputs.
 * @param demand 0 (int64, no dimensions), or nothing where something does not hold
 */
export function demanded(graph: InterventionGraph, output: Value, demand: Value): Value {
  const { type } = output;
  const row = { dtype: type.dtype, shape: type.shape && [1, ...type.shape] };
  const rows = graph.add(graph.root, 'unsqueeze', [output], [row], { dims: [0] }, null);
  const taken = graph.add(
    graph.root,
    'getitem',
    [rows.outputs[0]!, demand],
    [type],
    { items: [{ kind: 'int' }] },
    null,
  );
  return taken.outputs[0]!;
}
