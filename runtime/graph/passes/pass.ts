import type { InterventionGraph } from '../graph.ts';
import type { Value } from '../types.ts';

/**
 * A pass gives a graph that does the same as the one it is given, in a form that is better to run: with the same saves
 * under the same names, and nodes at the sites of those that they come from. A graph that needs no change comes back
 * itself; else the pass makes another one and leaves this one as it is.
 * @param context what the pass has to know about models
 */
export type Pass<Context> = (graph: InterventionGraph, context: Context) => Rewritten;

/** The result of a pass. */
export interface Rewritten {
  readonly graph: InterventionGraph;
  /** The value of the new graph that replaces one of the old graph, for every value that something else uses. */
  value(old: Value): Value;
}

/** The result of a pass that has nothing to do. */
export function unchanged(graph: InterventionGraph): Rewritten {
  return { graph, value: (old) => old };
}
