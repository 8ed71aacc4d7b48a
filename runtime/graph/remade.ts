import { InterventionGraph, type OperandData } from './graph.ts';
import type { Node } from './types.ts';

/** A graph that a pass has made of another one: what it makes of graphs like that one, with their data. */
export class Remade {
  private readonly graph: InterventionGraph;
  /** In their order: data of the pass's own, or the position of the operand whose data it is. */
  private readonly operands: readonly (readonly [node: Node, data: OperandData | number])[];

  private constructor(graph: InterventionGraph, operands: Remade['operands']) {
    this.graph = graph;
    this.operands = operands;
  }

  /** Null where it cannot be told which data went where. */
  static of(graph: InterventionGraph, from: InterventionGraph): Remade | null {
    const data = Array.from(from.operands.values(), (operand) => operand.data);
    if (new Set(data).size < data.length) return null;
    const operands = Array.from(graph.operands, ([node, operand]) => {
      const position = data.indexOf(operand.data);
      return [node, position < 0 ? operand : position] as const;
    });
    return new Remade(new InterventionGraph(graph), operands);
  }

  /** @param like a graph with the nodes of the one that this was made of */
  from(like: InterventionGraph): InterventionGraph {
    const given = [...like.operands.values()];
    const operands = this.operands.map(([node, data]): [Node, OperandData] => [
      node,
      typeof data === 'number' ? given[data]! : data,
    ]);
    return new InterventionGraph(this.graph, new Map(operands));
  }
}
