import { type Extract, extract } from '../graph/extract.ts';
import { hasLikes, InterventionGraph, type OperandData } from '../graph/graph.ts';
import type { Node, Region, Value } from '../graph/types.ts';
import { type Parted, partAtGradients } from './gradients.ts';
import type { Stage } from './stages.ts';

/** Nodes that were taken out of a graph together. */
interface Part {
  readonly nodes: readonly Node[];
  readonly saves: readonly Value[];
  readonly extract: Extract;
  /** The operands of the part, each with that of the graph which it is; null for a value that comes from elsewhere. */
  readonly operands: readonly (readonly [own: Node, origin: Node | null])[];
}

/** How a graph is taken apart to be run: for all graphs that have its nodes in common, found out with the first of them. */
export class Staging {
  readonly stages = new Map<Region, readonly Stage[]>();
  private readonly parted = new Map<readonly Node[], Parted | null>();
  /** By their last nodes. */
  private readonly parts = new Map<Node, Part[]>();

  /** The nodes of a stage, parted at the gradients among them. */
  partAt(nodes: readonly Node[]): Parted | null {
    let parted = this.parted.get(nodes);
    if (parted === undefined) {
      parted = partAtGradients(nodes);
      this.parted.set(nodes, parted);
    }
    return parted;
  }

  /** Nodes of a graph as a graph of their own, with the graph's data: see `extract`. */
  extract(
    source: InterventionGraph,
    nodes: readonly Node[],
    saves: readonly Value[],
    forwards: ReadonlyMap<number, number>,
  ): Extract {
    if (!hasLikes(source) || nodes.length === 0) return extract(source, nodes, saves, forwards);
    const known = this.parts.get(nodes.at(-1)!) ?? [];
    let part = known.find((one) => areSame(one.nodes, nodes) && areSame(one.saves, saves));
    if (!part) {
      part = partOf(source, nodes, saves, extract(source, nodes, saves, forwards));
      this.parts.set(nodes.at(-1)!, [...known, part]);
    }
    const data = part.operands.map(([own, origin]): [Node, OperandData] => [
      own,
      (origin && source.operands.get(origin)) ?? { dims: [], data: [] },
    ]);
    const { outer, values, graph } = part.extract;
    return { graph: new InterventionGraph(graph, new Map(data)), outer, values };
  }
}

function partOf(source: InterventionGraph, nodes: readonly Node[], saves: readonly Value[], made: Extract): Part {
  const origins = new Map(Array.from(made.values, ([value, copy]) => [copy, value.node]));
  const operands = Array.from(made.graph.operands.keys(), (own) => {
    const origin = origins.get(own.outputs[0]!);
    return [own, origin && source.operands.has(origin) ? origin : null] as const;
  });
  return {
    nodes: [...nodes],
    saves: [...saves],
    extract: { graph: new InterventionGraph(made.graph), outer: made.outer, values: made.values },
    operands,
  };
}

function areSame<T>(some: readonly T[], others: readonly T[]): boolean {
  return some.length === others.length && some.every((one, i) => one === others[i]);
}
