import type { InterventionGraph } from '../graph/graph.ts';
import { canSplit, splitConditional } from '../graph/split.ts';
import { CycleError, Dependencies } from '../lowering/dependencies.ts';
import type { ForwardModel } from '../lowering/forward.ts';

/**
 * Splits conditionals whose results stand on both sides of a module, as long as that dissolves a cycle. What is a cycle
 * all the same is left for the one who orders the graph to report.
 */
export function untangle(graph: InterventionGraph, models: readonly ForwardModel[]): void {
  while (graph.root.nodes.some(canSplit)) {
    try {
      new Dependencies(graph, models).order(graph.saves.map(({ value }) => value));
      return;
    } catch (error) {
      const node = error instanceof CycleError ? error.nodes.find(canSplit) : undefined;
      if (!node) return;
      splitConditional(graph.root, node);
    }
  }
}
