import type { InterventionGraph } from '../graph.ts';
import type { Address } from '../ops.ts';
import type { DType, Node, NodeOf, Value } from '../types.ts';
import { withRegions } from '../walk.ts';
import type { RowWiseCalls } from './narrow-calls.ts';
import { type Rewritten, unchanged } from './pass.ts';
import { liveUsers, RowCopier } from './row-copier.ts';
import { rowSelections } from './row-selections.ts';

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

export interface NarrowContext extends RowWiseCalls {
  /** The name of the tensor at an address. */
  tensorAt(address: Address): string;
  /** The row-wise end of the model that makes a tensor; null if there is none. */
  endOf(tensor: string): RowWiseEnd | null;
}

/** A graph with its reads narrowed. */
export interface Narrowed extends Rewritten {
  /** The writes that give the end of the model the rows that are read: nobody asked for them. */
  readonly entering: ReadonlySet<Node>;
}

/**
 * Where a trace reads some positions of the logits only, lets the end of the model, which computes each row by itself, run
 * on the rows that are read: its input is replaced by these rows.
 */
export function narrow(graph: InterventionGraph, context: NarrowContext): Narrowed {
  let current = unchanged(graph);
  let entering: Value[] = [];
  for (const read of selectedReads(graph, context)) {
    const before = current;
    const narrower = new Narrower(before.graph, before.value(read.outputs[0]!), context);
    const next = narrower.run();
    if (!next) continue;
    current = { graph: next.graph, value: (old) => next.value(before.value(old)) };
    entering = [...entering.map((rows) => next.value(rows)), narrower.entering!];
  }
  const writes = entering.length === 0 ? [] : current.graph.root.nodes.filter(({ op }) => op === 'write');
  return { ...current, entering: new Set(writes.filter(({ inputs }) => entering.includes(inputs[0]!))) };
}

/** The reads of logits that some node takes rows from. */
function selectedReads({ root }: InterventionGraph, { tensorAt, endOf }: NarrowContext): Set<NodeOf<'read'>> {
  const reads = root.nodes.flatMap((node) => {
    const source = node.op === 'getitem' ? node.inputs[0]!.node : null;
    return source?.op === 'read' && endOf(tensorAt(source.attributes)) ? [source] : [];
  });
  return new Set(reads);
}

/** Copies a graph with one read of logits narrowed. */
class Narrower extends RowCopier {
  private readonly context: NarrowContext;
  private readonly logits: Value;
  private readonly read: NodeOf<'read'>;
  private readonly end: RowWiseEnd;
  /** The rows that the end of the model is given; null before the run. */
  entering: Value | null = null;

  constructor(source: InterventionGraph, logits: Value, context: NarrowContext) {
    super(source);
    this.context = context;
    this.logits = logits;
    this.read = logits.node as NodeOf<'read'>;
    this.end = context.endOf(context.tensorAt(this.read.attributes))!;
  }

  /** Null where the logits have to be whole. */
  run(): Rewritten | null {
    const sources = new Set<Node>([this.read]);
    const { before, after } = this.parted(sources);
    // A write that depends on logits makes a cycle, which is reported when the graph is ordered.
    if (after.some(({ op }) => op === 'write') || !this.isUntouched()) return null;
    const saved = new Set(this.source.saves.map(({ value }) => value));
    const rows = rowSelections(this.logits, liveUsers(this.source), (value) => saved.has(value));
    const written = this.written();
    if (rows === null || written === undefined) return null;
    // The rows that are read are known before the logits: no index among them depends on these.
    for (const node of before) this.node(node, this.graph.root);
    const entry = written ? this.value(written) : this.readEntry();
    this.narrowed(
      rows.selections.map(() => entry),
      rows,
      this.read,
      (some) => this.throughEnd(some),
    );
    this.rest(after, sources, rows);
    this.saves();
    return this;
  }

  /** The logits of some rows. */
  private throughEnd(rows: Value): Value {
    const { root } = this.graph;
    const { attributes, site } = this.read;
    const write = { ...this.end.address, forward: attributes.forward, inplace: true, lenient: true };
    this.graph.add(root, 'write', [rows], [], write, site);
    this.entering = rows;
    const { dtype, shape } = this.logits.type;
    const type = { dtype, shape: rows.type.shape!.with(-1, shape!.at(-1)!) };
    return this.graph.add(root, 'read', [], [type], attributes, site).outputs[0]!;
  }

  /** Whether nothing else reads or changes what the end of the model makes, and no module that is called does. */
  private isUntouched(): boolean {
    for (const node of withRegions(this.source.root.nodes)) {
      if (node.op === 'call' && !this.context.isRowWise(node.attributes)) return false;
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
