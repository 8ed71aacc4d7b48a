import { GraphCopier } from '../copy.ts';
import type { InterventionGraph } from '../graph.ts';
import { liveNodes, usesOf } from '../live.ts';
import { outputTypes } from '../operations/index.ts';
import { type Item, writeItems } from '../operations/items.ts';
import type { Address, AttributesOf, TensorOp } from '../ops.ts';
import type { DType, Node, NodeOf, Value } from '../types.ts';
import { withRegions } from '../walk.ts';
import { type Pass, type Rewritten, unchanged } from './pass.ts';
import { type JoinedRows, rowSelections, WHOLE } from './row-selections.ts';

/**
 * The last nodes of a model (a normalisation, an unembedding), if they compute each row, a vector along the last
 * dimension, from the same row of their input alone.
 */
export interface RowWiseEnd {
  /** The only tensor that enters them; it has the rank of their output. */
  readonly entry: string;
  readonly dtype: DType;
  /** The module that gives it. */
  readonly address: Address;
  /** The tensors that they make. */
  readonly tensors: ReadonlySet<string>;
}

export interface NarrowContext {
  /** The name of the tensor at an address. */
  tensorAt(address: Address): string;
  /** The row-wise end of the model that makes a tensor; null if there is none. */
  endOf(tensor: string): RowWiseEnd | null;
}

/**
 * Where a trace reads some positions of the logits only, lets the end of the model, which computes each row by itself, run
 * on the rows that are read: its input is replaced by these rows.
 */
export const narrow: Pass<NarrowContext> = (graph, context) => {
  let current = unchanged(graph);
  for (const read of selectedReads(graph, context)) {
    const before = current;
    const next = new Narrower(before.graph, before.value(read.outputs[0]!), context).run();
    if (next) current = { graph: next.graph, value: (old) => next.value(before.value(old)) };
  }
  return current;
};

/** The reads of logits that some node takes rows from. */
function selectedReads({ root }: InterventionGraph, { tensorAt, endOf }: NarrowContext): Set<NodeOf<'read'>> {
  const reads = root.nodes.flatMap((node) => {
    const source = node.op === 'getitem' ? node.inputs[0]!.node : null;
    return source?.op === 'read' && endOf(tensorAt(source.attributes)) ? [source] : [];
  });
  return new Set(reads);
}

/** Copies a graph with one read of logits narrowed. */
class Narrower extends GraphCopier {
  private readonly context: NarrowContext;
  private readonly logits: Value;
  private readonly read: NodeOf<'read'>;
  private readonly end: RowWiseEnd;

  constructor(source: InterventionGraph, logits: Value, context: NarrowContext) {
    super(source);
    this.context = context;
    this.logits = logits;
    this.read = logits.node as NodeOf<'read'>;
    this.end = context.endOf(context.tensorAt(this.read.attributes))!;
  }

  /** Null where the logits have to be whole. */
  run(): Rewritten | null {
    const { nodes } = this.source.root;
    const { before, after } = this.parted(nodes);
    // A write that depends on logits makes a cycle, which is reported when the graph is ordered.
    if (after.some(({ op }) => op === 'write') || !this.isUntouched()) return null;
    const saved = new Set(this.source.saves.map(({ value }) => value));
    const set = nodes.filter(({ op }) => op === 'write').flatMap(({ inputs }) => inputs);
    const live = liveNodes({ ...this.source.root, results: [...saved, ...set] });
    const rows = rowSelections(this.logits, usersOf(live), (value) => saved.has(value));
    const written = this.written();
    if (rows === null || written === undefined) return null;
    // The rows that are read are known before the logits: no index among them depends on these.
    for (const node of before) this.node(node, this.graph.root);
    this.narrow(rows, written);
    const replaced = new Set<Node>(rows.selections.map(({ node }) => node));
    // The nodes that still use the whole logits only led to the selections.
    const gone = new Set([this.logits]);
    for (const node of after) {
      if (node === this.read || replaced.has(node)) continue;
      if (usesOf(node).some((value) => gone.has(value))) for (const output of node.outputs) gone.add(output);
      else this.node(node, this.graph.root);
    }
    this.saves();
    return this;
  }

  /** The nodes that have nothing to do with the logits, and the read with those that depend on it. */
  private parted(nodes: readonly Node[]): { before: Node[]; after: Node[] } {
    const before: Node[] = [];
    const after: Node[] = [];
    const dependent = new Set<Value>();
    for (const node of nodes) {
      const follows = node === this.read || usesOf(node).some((value) => dependent.has(value));
      if (follows) for (const output of node.outputs) dependent.add(output);
      (follows ? after : before).push(node);
    }
    return { before, after };
  }

  private narrow({ selections, dim, sizes }: JoinedRows, written: Value | null): void {
    const { root } = this.graph;
    const entry = written ? this.value(written) : this.readEntry();
    const parts = selections.map(({ node, indices }) =>
      indices.reduce((x, index) => {
        // A dimension that an integer takes out stays, with one element: the end of the model finds the rank that it knows.
        const kept = index.flatMap((item): Item<Value>[] =>
          item.kind === 'int' ? [item, { kind: 'newaxis' }] : [item],
        );
        const { items, operands } = writeItems(kept);
        return this.add('getitem', [x, ...operands.map((operand) => this.value(operand))], { items }, node)[0]!;
      }, entry),
    );
    const rows = parts.length === 1 ? parts[0]! : this.add('cat', parts, { dim }, this.read)[0]!;
    const { forward } = this.read.attributes;
    const write = { ...this.end.address, forward, inplace: true, lenient: true };
    this.graph.add(root, 'write', [rows], [], write, this.read.site);
    const { dtype, shape } = this.logits.type;
    const type = { dtype, shape: rows.type.shape!.with(-1, shape!.at(-1)!) };
    const read = this.graph.add(root, 'read', [], [type], this.read.attributes, this.read.site);
    const logits = read.outputs[0]!;
    const split = { sizes, count: parts.length, dim };
    const results = parts.length === 1 ? [logits] : this.add('split', [logits], split, this.read);
    selections.forEach(({ node, kept, columns }, i) => {
      const dims = kept.flatMap((kind, at) => (kind === 'int' ? [at] : []));
      const result = dims.length === 0 ? results[i]! : this.add('squeeze', [results[i]!], { dims }, node)[0]!;
      const left = [...kept.filter((kind) => kind !== 'int').map(() => WHOLE), ...columns];
      const { items, operands } = writeItems(left);
      const inputs = [result, ...operands.map((operand) => this.value(operand))];
      this.values.set(node.outputs[0]!, this.add('getitem', inputs, { items }, node)[0]!);
    });
  }

  private add<O extends TensorOp>(op: O, inputs: readonly Value[], attributes: AttributesOf<O>, { site }: Node) {
    const types = outputTypes(
      op,
      inputs.map(({ type }) => type),
      attributes,
    );
    return this.graph.add(this.graph.root, op, inputs, types, attributes, site).outputs;
  }

  /** Whether nothing else reads or changes what the end of the model makes, and no module is called by itself. */
  private isUntouched(): boolean {
    for (const node of withRegions(this.source.root.nodes)) {
      if (node.op === 'call') return false;
      if (node === this.read || (node.op !== 'read' && node.op !== 'write')) continue;
      if (this.end.tensors.has(this.context.tensorAt(node.attributes))) return false;
    }
    return true;
  }

  /**
   * The value that was written where the end of the model begins: null for nothing, undefined if that is not known for all who
   * read it, or not its rank.
   */
  private written(): Value | null | undefined {
    const writes = this.source.root.nodes.filter(
      (node) => node.op === 'write' && this.context.tensorAt(node.attributes) === this.end.entry,
    ) as NodeOf<'write'>[];
    if (writes.some(({ attributes: { port, inplace } }) => port === 'input' && !inplace)) return undefined;
    const value = writes.at(-1)?.inputs[0] ?? null;
    return value?.type.shape === null ? undefined : value;
  }

  private readEntry(): Value {
    const { dtype, address } = this.end;
    const type = { dtype, shape: this.logits.type.shape!.with(-1, null) };
    const { forward } = this.read.attributes;
    return this.graph.add(this.graph.root, 'read', [], [type], { ...address, forward }, this.read.site).outputs[0]!;
  }
}

/** The nodes that use each value. */
function usersOf(nodes: readonly Node[]): Map<Value, Node[]> {
  const users = new Map<Value, Node[]>();
  for (const node of nodes) {
    for (const value of new Set(usesOf(node))) {
      const others = users.get(value);
      if (others === undefined) users.set(value, [node]);
      else others.push(node);
    }
  }
  return users;
}
