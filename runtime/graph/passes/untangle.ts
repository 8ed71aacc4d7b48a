import { GraphCopier } from '../copy.ts';
import type { InterventionGraph } from '../graph.ts';
import { liveNodes } from '../live.ts';
import type { Node, NodeOf, Region, Value } from '../types.ts';
import { type Pass, type Rewritten, unchanged } from './pass.ts';

export interface UntangleContext {
  /** Nodes of the graph that form a cycle with the models' own nodes, each needing the next one; null if there is no cycle. */
  cycle(graph: InterventionGraph): readonly Node[] | null;
}

/**
 * Splits conditionals whose results stand on both sides of a module, as long as that dissolves a cycle: a branch that
 * sets one module and reads or sets a later one. Each result gets a conditional of its own, with what it needs of the
 * branches. A cycle that remains is reported when the graph is ordered.
 */
export const untangle: Pass<UntangleContext> = (graph, context) => {
  let current = unchanged(graph);
  while (current.graph.root.nodes.some(canSplit)) {
    const tangled = context.cycle(current.graph)?.find(canSplit);
    if (!tangled) break;
    const before = current;
    const split = new Splitter(before.graph, tangled).run();
    current = { graph: split.graph, value: (old) => split.value(before.value(old)) };
  }
  return current;
};

function canSplit(node: Node): node is NodeOf<'if'> {
  return node.op === 'if' && node.outputs.length > 1;
}

class Splitter extends GraphCopier {
  private readonly tangled: NodeOf<'if'>;
  private isInside = false;

  constructor(source: InterventionGraph, tangled: NodeOf<'if'>) {
    super(source);
    this.tangled = tangled;
  }

  run(): Rewritten {
    for (const node of this.source.root.nodes) this.node(node, this.graph.root);
    this.saves();
    return this;
  }

  override node(node: Node, region: Region): void {
    if (node === this.tangled) {
      this.isInside = true;
      this.split(node, region);
      this.isInside = false;
    } else if (this.isInside && canSplit(node)) this.split(node, region);
    else super.node(node, region);
  }

  /** Makes one conditional for each result, also inside its branches. */
  private split(node: NodeOf<'if'>, region: Region): void {
    const inputs = node.inputs.map((value) => this.value(value));
    node.outputs.forEach((output, i) => {
      const bodies = node.regions.map((body) => this.bodyFor(body, body.results[i]!));
      const part = this.graph.add(region, 'if', inputs, [output.type], node.attributes, node.site, bodies);
      this.values.set(output, part.outputs[0]!);
    });
  }

  private bodyFor(body: Region, result: Value): Region {
    const results = [result];
    return this.region({ parameters: body.parameters, nodes: liveNodes({ ...body, results }), results });
  }
}
