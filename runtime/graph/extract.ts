import { InterventionGraph } from './graph.ts';
import type { Attributes, Node, Region, Value } from './types.ts';

/** A part of a graph as a graph of its own. */
export interface Extract {
  readonly graph: InterventionGraph;
  /** What the part takes from outside, as operands without data: the value there, and the operand here. */
  readonly outer: readonly { readonly value: Value; readonly operand: Node }[];
}

/**
 * Copies some nodes of a region, in order, into a graph that saves `saves`. Operands come along with their data; other
 * values from outside become operands whose data is to be given before the run. `passes` gives forward passes new
 * numbers: the graph of a part counts its own from 0.
 */
export function extract(
  source: InterventionGraph,
  nodes: readonly Node[],
  saves: readonly Value[],
  passes: ReadonlyMap<number, number>,
): Extract {
  const copier = new Copier(source, passes);
  for (const node of nodes) copier.node(node, copier.graph.root);
  copier.graph.saves.push(...saves.map((value, i) => ({ name: `save_${i}`, value: copier.value(value) })));
  return copier;
}

class Copier implements Extract {
  readonly graph = new InterventionGraph();
  readonly outer: { value: Value; operand: Node }[] = [];
  private readonly source: InterventionGraph;
  private readonly passes: ReadonlyMap<number, number>;
  private readonly values = new Map<Value, Value>();

  constructor(source: InterventionGraph, passes: ReadonlyMap<number, number>) {
    this.source = source;
    this.passes = passes;
  }

  node(node: Node, region: Region): void {
    if (node.op === 'operand') return;
    const inputs = node.inputs.map((value) => this.value(value));
    const regions = node.regions.map((body) => this.region(body));
    const types = node.outputs.map(({ type }) => type);
    const copy = this.graph.add(region, node.op, inputs, types, this.attributes(node), node.site, regions);
    node.outputs.forEach((value, i) => {
      this.values.set(value, copy.outputs[i]!);
    });
    if (this.source.lenient.has(node)) this.graph.lenient.add(copy);
  }

  private region(source: Region): Region {
    const region: Region = { parameters: [], nodes: [], results: [] };
    for (const parameter of source.parameters) {
      const copy = this.graph.parameter(parameter.type);
      region.parameters.push(copy);
      this.values.set(parameter, copy);
    }
    for (const node of source.nodes) this.node(node, region);
    region.results.push(...source.results.map((value) => this.value(value)));
    return region;
  }

  private attributes({ attributes, op }: Node): Attributes {
    if (op !== 'read' && op !== 'write' && op !== 'call' && op !== 'forward') return attributes;
    const { pass = 0, ...others } = attributes;
    const number = this.passes.get(pass as number);
    if (number === undefined)
      throw new Error(`The part has a ${op} of the forward pass ${pass}, which is not its own.`);
    return number === 0 ? others : { ...others, pass: number };
  }

  /** A value's copy; one from outside becomes an operand. */
  value(value: Value): Value {
    const known = this.values.get(value);
    if (known) return known;
    const data = value.node && this.source.operands.get(value.node);
    const { type } = value;
    const site = value.node?.site ?? null;
    const operand = this.graph.add(this.graph.root, 'operand', [], [type], { dtype: type.dtype }, site);
    if (data) this.graph.operands.set(operand, data);
    else {
      // Operands are told apart by their order in this map: the place is taken now, the data comes before the run.
      this.graph.operands.set(operand, { dims: [], data: [] });
      this.outer.push({ value, operand });
    }
    const copy = operand.outputs[0]!;
    this.values.set(value, copy);
    return copy;
  }
}
