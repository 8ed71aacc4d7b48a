import { InterventionGraph } from './graph.ts';
import type { AttributesOf, Op } from './ops.ts';
import type { Node, Region, Value } from './types.ts';

/**
 * Copies nodes of one graph into another, with their sites and the data of operands. A value's replacement
 * is set in `values`; everything that used the value uses the replacement. Neither graph's nodes are ever changed.
 */
export class GraphCopier {
  readonly graph = new InterventionGraph();
  /** The replacement of each value of the source. */
  readonly values = new Map<Value, Value>();
  protected readonly source: InterventionGraph;

  constructor(source: InterventionGraph) {
    this.source = source;
  }

  /** The replacement of a value that was copied before. */
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

  /** The attributes of a node's copy: the same, unless a subclass says otherwise. */
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
    for (const value of results) region.results.push(this.value(value));
    return region;
  }
}
