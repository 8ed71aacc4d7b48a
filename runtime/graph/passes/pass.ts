import type { InterventionGraph } from '../graph.ts';
import type { Value } from '../types.ts';

/**
 * A pass gives a graph that does the same as the one it is given, in a form that is better to run: with the same saves
 * under the same names, and nodes at the sites of those that they come from. A graph that needs no change comes back
 * itself; else the pass makes another one and leaves this one as it is.
 * @param context what the pass has to know of models
 */
export type Pass<Context> = (graph: InterventionGraph, context: Context) => Rewritten;

/** What a pass gives. */
export interface Rewritten {
  readonly graph: InterventionGraph;
  /** What stands in the new graph for a value of the old one: for all that something else uses. */
  value(old: Value): Value;
}

/** What a pass gives that has nothing to do. */
export function unchanged(graph: InterventionGraph): Rewritten {
  return { graph, value: (old) => old };
}
