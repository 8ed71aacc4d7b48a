import { GraphCopier } from '../copy.ts';
import { liveNodes, usesOf } from '../live.ts';
import { outputTypes } from '../operations/index.ts';
import { type Item, writeItems } from '../operations/items.ts';
import type { AttributesOf, TensorOp } from '../ops.ts';
import type { Node, Value } from '../types.ts';
import { type JoinedRows, WHOLE } from './row-selections.ts';

/** Copies a graph in which what computes each row by itself is to run on the rows that are read. */
export class RowCopier extends GraphCopier {
  /** The nodes that have nothing to do with what some nodes give, and these with those that depend on it. */
  protected parted(sources: ReadonlySet<Node>): { before: Node[]; after: Node[]; dependent: ReadonlySet<Value> } {
    const before: Node[] = [];
    const after: Node[] = [];
    const dependent = new Set<Value>();
    for (const node of this.source.root.nodes) {
      const follows = sources.has(node) || usesOf(node).some((value) => dependent.has(value));
      if (follows) for (const output of node.outputs) dependent.add(output);
      (follows ? after : before).push(node);
    }
    return { before, after, dependent };
  }

  /**
   * Computes the rows that are read alone, and puts them in the places of what read them.
   * @param entries what each selection is made of now, in the new graph
   * @param of the node whose rows they are
   * @param through computes what they were read from
   */
  protected narrowed(
    entries: readonly Value[],
    { selections, dim, sizes }: JoinedRows,
    of: Node,
    through: (rows: Value) => Value,
  ): void {
    const parts = selections.map(({ node, indices }, i) =>
      indices.reduce((x, index) => {
        // A dimension that an integer takes out stays, with one element: what computes rows finds the rank that it knows.
        const kept = index.flatMap((item): Item<Value>[] =>
          item.kind === 'int' ? [item, { kind: 'newaxis' }] : [item],
        );
        const { items, operands } = writeItems(kept);
        return this.add('getitem', [x, ...operands.map((operand) => this.value(operand))], { items }, node)[0]!;
      }, entries[i]!),
    );
    const made = through(parts.length === 1 ? parts[0]! : this.add('cat', parts, { dim }, of)[0]!);
    const split = { sizes, count: parts.length, dim };
    const results = parts.length === 1 ? [made] : this.add('split', [made], split, of);
    selections.forEach(({ node, kept, columns }, i) => {
      const dims = kept.flatMap((kind, at) => (kind === 'int' ? [at] : []));
      const result = dims.length === 0 ? results[i]! : this.add('squeeze', [results[i]!], { dims }, node)[0]!;
      const left = [...kept.filter((kind) => kind !== 'int').map(() => WHOLE), ...columns];
      const { items, operands } = writeItems(left);
      const inputs = [result, ...operands.map((operand) => this.value(operand))];
      this.values.set(node.outputs[0]!, this.add('getitem', inputs, { items }, node)[0]!);
    });
  }

  /** Copies what is left of some nodes: neither those that were replaced, nor those that only led to selections. */
  protected rest(nodes: readonly Node[], sources: ReadonlySet<Node>, { selections }: JoinedRows): void {
    const replaced = new Set<Node>(selections.map(({ node }) => node));
    const gone = new Set<Value>();
    for (const node of nodes) {
      if (replaced.has(node)) continue;
      if (sources.has(node) || usesOf(node).some((value) => gone.has(value))) {
        for (const output of node.outputs) gone.add(output);
      } else {
        this.node(node, this.graph.root);
      }
    }
  }

  protected add<O extends TensorOp>(op: O, inputs: readonly Value[], attributes: AttributesOf<O>, { site }: Node) {
    const types = outputTypes(
      op,
      inputs.map(({ type }) => type),
      attributes,
    );
    return this.graph.add(this.graph.root, op, inputs, types, attributes, site).outputs;
  }
}

/** The nodes that use each value, of those that something saved or set depends on. */
export function liveUsers({ root, saves }: RowCopier['graph']): Map<Value, Node[]> {
  const set = root.nodes.filter(({ op }) => op === 'write').flatMap(({ inputs }) => inputs);
  const users = new Map<Value, Node[]>();
  for (const node of liveNodes({ ...root, results: [...saves.map(({ value }) => value), ...set] })) {
    for (const value of new Set(usesOf(node))) {
      const others = users.get(value);
      if (others === undefined) users.set(value, [node]);
      else others.push(node);
    }
  }
  return users;
}
