import { GraphCopier } from '../copy.ts';
import type { InterventionGraph } from '../graph.ts';
import type { Node, Region, Value } from '../types.ts';
import { withRegions } from '../walk.ts';
import { type Pass, type Rewritten, unchanged } from './pass.ts';

export interface DecideContext {
  /** Whether a truth value is true; null where that is not known. */
  truth(value: Value): boolean | null;
  /** Nodes of the root that are left out. What uses them is left out as well, by the caller; saves go with them. */
  readonly without?: ReadonlySet<Node>;
}

/** Puts the body that runs in the place of every conditional whose truth value is known. */
export const decide: Pass<DecideContext> = (graph, context) => {
  const isDecided = (node: Node) => node.op === 'if' && context.truth(node.inputs[0]!) !== null;
  return [...withRegions(graph.root.nodes)].some(isDecided) ? new Decider(graph, context).run() : unchanged(graph);
};

class Decider extends GraphCopier {
  private readonly context: DecideContext;

  constructor(source: InterventionGraph, context: DecideContext) {
    super(source);
    this.context = context;
  }

  run(): Rewritten {
    const { root, saves } = this.source;
    for (const node of root.nodes) if (!this.context.without?.has(node)) this.node(node, this.graph.root);
    for (const { name, value } of saves) {
      const copy = this.values.get(value);
      if (copy) this.graph.saves.push({ name, value: copy });
    }
    return this;
  }

  override node(node: Node, region: Region): void {
    const is = node.op === 'if' ? this.context.truth(node.inputs[0]!) : null;
    if (is === null) {
      super.node(node, region);
      return;
    }
    const body = node.regions[is ? 0 : 1]!;
    for (const inner of body.nodes) this.node(inner, region);
    node.outputs.forEach((output, i) => {
      this.values.set(output, this.value(body.results[i]!));
    });
  }
}
