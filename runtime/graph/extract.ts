import { GraphCopier } from './copy.ts';
import { isForwardNode } from './forwards.ts';
import type { InterventionGraph } from './graph.ts';
import type { AttributesOf, Op } from './ops.ts';
import type { Node, NodeOf, Region, Value } from './types.ts';

/** Some nodes of a graph as a graph of their own. */
export interface Extract {
  readonly graph: InterventionGraph;
  /** The values that it takes from outside, each with the operand (without data) that replaces it here. */
  readonly outer: readonly { readonly value: Value; readonly operand: NodeOf<'operand'> }[];
  /** The copy of each value that it contains. */
  readonly values: ReadonlyMap<Value, Value>;
}

/**
 * Copies some nodes of a region, in order, into a graph that saves `saves`. Operands come along with their data; other
 * values from outside become operands whose data is to be given before the run. `forwards` gives forwards new numbers:
 * an extract counts its own from 0.
 */
export function extract(
  source: InterventionGraph,
  nodes: readonly Node[],
  saves: readonly Value[],
  forwards: ReadonlyMap<number, number>,
): Extract {
  const extractor = new Extractor(source, forwards);
  for (const node of nodes) extractor.node(node, extractor.graph.root);
  for (const [i, value] of saves.entries())
    extractor.graph.saves.push({ name: `save_${i}`, value: extractor.value(value) });
  return extractor;
}

class Extractor extends GraphCopier implements Extract {
  readonly outer: { value: Value; operand: NodeOf<'operand'> }[] = [];
  private readonly forwards: ReadonlyMap<number, number>;

  constructor(source: InterventionGraph, forwards: ReadonlyMap<number, number>) {
    super(source);
    this.forwards = forwards;
  }

  /** Operands come with the nodes that use them. */
  override node(node: Node, region: Region): void {
    if (node.op !== 'operand') super.node(node, region);
  }

  protected override attributes(node: Node): AttributesOf<Op> {
    if (!isForwardNode(node)) return node.attributes;
    const forward = this.forwards.get(node.attributes.forward);
    if (forward === undefined) {
      throw new Error(`The extract has a ${node.op} of the forward ${node.attributes.forward}, which is not its own.`);
    }
    return { ...node.attributes, forward };
  }

  /** A value's copy; one from outside becomes an operand. */
  override value(value: Value): Value {
    const known = this.values.get(value);
    if (known) return known;
    const data = value.node && this.source.operands.get(value.node);
    const { type } = value;
    const site = value.node?.site ?? null;
    const operand = this.graph.add(this.graph.root, 'operand', [], [type], { dtype: type.dtype }, site);
    // Operands are told apart by their order in this map: the place is taken now, the data may come before the run.
    this.graph.operands.set(operand, data ?? { dims: [], data: [] });
    if (!data) this.outer.push({ value, operand });
    const copy = operand.outputs[0]!;
    this.values.set(value, copy);
    return copy;
  }
}
