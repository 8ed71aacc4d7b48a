import type { InterventionGraph } from '../graph/graph.ts';
import { Dependencies } from '../lowering/dependencies.ts';
import { chooseCuts } from './choose-cuts.ts';
import type { Plan } from './plan.ts';
import { type CutModel, Planning, Unsegmentable } from './planning.ts';

/**
 * Runs the model segment by segment, with the interventions as small programs of their own in between. Null where the
 * segments cannot be put in an order or cannot be given what they need: then the model has to run whole.
 * Throws a TraceError on a cycle and on a write that nothing saved depends on.
 */
export function segmentedPlan(cut: CutModel, graph: InterventionGraph): Plan | null {
  const dependencies = new Dependencies(graph, [cut]);
  const vertices = dependencies.order(graph.saves.map(({ value }) => value));
  dependencies.checkWrites(new Set(vertices), graph.lenient);
  cut.cuts.cutAt(chooseCuts(vertices, dependencies.forwards[0]!, cut.cuts));
  cut.segments.follow(cut.cuts);
  try {
    return new Planning(cut, graph, dependencies, vertices).plan();
  } catch (error) {
    if (error instanceof Unsegmentable) return null;
    throw error;
  }
}
