import { GraphCopier } from '../copy.ts';
import type { InterventionGraph } from '../graph.ts';
import { usesOf } from '../live.ts';
import type { Node, Region, Value } from '../types.ts';
import { type Pass, type Rewritten, unchanged } from './pass.ts';

export interface SettleContext {
  /** By the values that stand for the output of a called model (each has a node with that output as its input): what the output has become. */
  readonly finals: ReadonlyMap<Value, Value>;
}

/**
 * Puts what the output of a called model has become in the place of what its call gave: what follows sees what was
 * written to the output, also where it was written later. What the new output itself was computed from has the old one.
 */
export const settleReturned: Pass<SettleContext> = (graph, { finals }) =>
  finals.size === 0 ? unchanged(graph) : new Settler(graph, finals).run();

class Settler extends GraphCopier {
  private readonly finals: ReadonlyMap<Value, Value>;
  /** The body that each node stands in. */
  private readonly around = new Map<Node, Region>();
  private readonly begun = new Set<Node>();

  constructor(source: InterventionGraph, finals: ReadonlyMap<Value, Value>) {
    super(source);
    this.finals = finals;
    this.place(source.root);
  }

  run(): Rewritten {
    for (const node of this.source.root.nodes) this.node(node, this.graph.root);
    this.saves();
    return this;
  }

  override node(node: Node, region: Region): void {
    if (this.begun.has(node)) return;
    this.begun.add(node);
    const [returned] = node.outputs;
    const final = returned && this.finals.get(returned);
    if (!final) {
      super.node(node, region);
      return;
    }
    // Until the new output is there, what it is computed from uses the old one.
    this.values.set(returned, this.value(node.inputs[0]!));
    for (const needed of this.needs(final, this.around.get(node)!)) this.node(needed, region);
    this.values.set(returned, this.value(final));
  }

  /** The nodes of a body that a value depends on, in order. */
  private needs(value: Value, { nodes }: Region): Node[] {
    const used = new Set([value]);
    const needed = nodes.toReversed().filter((node) => {
      if (!node.outputs.some((output) => used.has(output))) return false;
      for (const input of usesOf(node)) used.add(input);
      return true;
    });
    return needed.reverse();
  }

  private place(region: Region): void {
    for (const node of region.nodes) {
      this.around.set(node, region);
      for (const body of node.regions) this.place(body);
    }
  }
}
