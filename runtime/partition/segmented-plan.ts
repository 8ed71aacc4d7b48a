import type { InterventionGraph } from '../graph/graph.ts';
import { Dependencies, type Vertex } from '../lowering/dependencies.ts';
import { chooseCuts } from './choose-cuts.ts';
import { type CutModel, Unsegmentable } from './cut-model.ts';
import { Dispatches } from './dispatches.ts';
import type { Plan } from './plan.ts';
import { Registers } from './registers.ts';
import { schedule } from './schedule.ts';
import { SegmentGraph } from './segment-graph.ts';

/**
 * Runs the model segment by segment, with the interventions as small programs of their own in between. Null where the
 * segments cannot be put in an order or cannot be given what they need: then the model has to run whole.
 * Throws a TraceError on a cycle and on a write that nothing saved depends on.
 */
export function segmentedPlan(cut: CutModel, graph: InterventionGraph): Plan | null {
  const dependencies = new Dependencies(graph, [cut]);
  const vertices = dependencies.order(graph.saves.map(({ value }) => value));
  dependencies.checkWrites(new Set(vertices));
  const cuts = cut.isFixed ? [] : [...chooseCuts(vertices, dependencies.forwards[0]!, cut.cuts)];
  cut.cuts.cutAt(cuts);
  cut.segments.follow(cut.cuts);
  try {
    return planOf(cut, graph, dependencies, vertices, cuts);
  } catch (error) {
    if (error instanceof Unsegmentable) return null;
    throw error;
  }
}

/**
 * The plan for a model that is cut already.
 * @param vertices what has to run
 * @param cuts the tensors that the model was to be cut at
 * @throws Unsegmentable
 */
export function planOf(
  cut: CutModel,
  graph: InterventionGraph,
  dependencies: Dependencies,
  vertices: readonly Vertex[],
  cuts: readonly string[],
): Plan {
  const needed = new SegmentGraph(cut, dependencies, vertices);
  const inputNames = cut.model.inputs.map(({ name }) => name);
  const registers = new Registers(graph, inputNames);
  // A tensor of the model that is read is that tensor.
  for (const read of needed.passedReads()) registers.alias(read.outputs[0]!, needed.forward.tensorOf(read));
  const saves = graph.saves.map(({ value }) => value);
  const groups = schedule(needed.order(saves), (vertex) => needed.needs(vertex));
  const dispatches = new Dispatches({
    cut,
    needed,
    registers,
    positions: new Map(graph.root.nodes.map((node, position) => [node, position])),
    shared: needed.sharedValues(saves, groups),
  });
  const skipped = cut.cuts.nodes.flatMap((_, segment) => (needed.nodes.has(segment) ? [] : [cut.cuts.label(segment)]));
  return registers.plan(
    groups.flatMap((group) => dispatches.of(group) ?? []),
    skipped,
    cuts,
  );
}
