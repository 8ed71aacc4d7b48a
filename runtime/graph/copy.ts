import { InterventionGraph } from './graph.ts';
import type { AttributesOf, Op } from './ops.ts';
import type { Node, Region, Value } from './types.ts';

/**
 * Copies nodes of one graph into another, with their sites and the data of operands. What is to stand in a value's place
 * is set in `values`; everything that used the value uses that. Neither graph's nodes are ever changed.
 */
export class GraphCopier {
  readonly graph = new InterventionGraph();
  /** What stands for each value of the source. */
  readonly values = new Map<Value, Value>();
  protected readonly source: InterventionGraph;

  constructor(source: InterventionGraph) {
    this.source = source;
  }

  /** The value that stands for one of the source, which was copied before. */
  value(value: Value): Value {
    const known = this.values.get(value);
    if (!known) throw new Error(`The value %${value.id} was not copied before its use.`);
    return known;
  }

  /** Copies a node, with its bodies. */
  node(node: Node, region: Region): void {
    const inputs = node.inputs.map((value) => this.value(value));
    const regions = node.regions.map((body) => this.region(body));
    const types = node.outputs.map(({ type }) => type);
    const copy = this.graph.add<Op>(region, node.op, inputs, types, this.attributes(node), node.site, regions);
    node.outputs.forEach((value, i) => {
      this.values.set(value, copy.outputs[i]!);
    });
    const data = this.source.operands.get(node);
    if (data) this.graph.operands.set(copy as Node, data);
  }

  /** Copies all saves, under their names. */
  saves(): void {
    for (const { name, value } of this.source.saves) this.graph.saves.push({ name, value: this.value(value) });
  }

  /** What the copy of a node knows: the same, unless a subclass says otherwise. */
  protected attributes(node: Node): AttributesOf<Op> {
    return node.attributes;
  }

  /** Copies a body. */
  protected region(source: Region, nodes: readonly Node[] = source.nodes, results = source.results): Region {
    const region: Region = { parameters: [], nodes: [], results: [] };
    for (const parameter of source.parameters) {
      const copy = this.graph.parameter(parameter.type);
      region.parameters.push(copy);
      this.values.set(parameter, copy);
    }
    for (const node of nodes) this.node(node, region);
    region.results.push(...results.map((value) => this.value(value)));
    return region;
  }
}
