import type { GraphProto } from 'onnx-buf';
import { graphLinks, type Links } from '../onnx/links.ts';
import { ranges } from './ranges.ts';
import type { Blocks } from './stretches.ts';

/** How many cuts inside a block are kept for traces that don't ask for them. */
const KEPT = 4;

/** A block's nodes, ascending, and the tensors that it is cut at: the one asked for most recently stands last. */
interface Block {
  readonly nodes: readonly number[];
  readonly cuts: Set<string>;
}

/**
 * Where a model is cut now: between its blocks, and inside of them at tensors that traces have touched. A cut stays, so
 * that whoever touches the same tensor next finds the model cut there.
 */
export class Cuts {
  /** Counts the changes. */
  version = 0;
  /** The piece of each node; null for nodes that make constants. No node needs anything of a later piece. */
  readonly pieces: (number | null)[];
  /** The nodes of each piece, ascending. */
  nodes: (readonly number[])[] = [];
  /** A text for each piece: equal texts are equal nodes. */
  keys: string[] = [];
  private labels: string[] = [];
  private readonly links: Links;
  private readonly blocks: Block[];
  private readonly names: readonly string[];
  private readonly blockOf: readonly (number | null)[];
  private readonly fixed: ReadonlySet<string>;

  /** @param fixed tensors to cut at from the start, and for good */
  constructor(graph: GraphProto, { names, of }: Blocks, fixed: Iterable<string> = []) {
    this.links = graphLinks(graph);
    this.names = names;
    this.blockOf = of;
    this.pieces = of.map(() => null);
    const nodes: number[][] = names.map(() => []);
    of.forEach((block, index) => {
      if (block !== null) nodes[block]!.push(index);
    });
    this.blocks = nodes.map((own) => ({ nodes: own, cuts: new Set() }));
    this.fixed = new Set([...fixed].filter((tensor) => this.splits(tensor)));
    for (const tensor of this.fixed) this.block(tensor)!.cuts.add(tensor);
    this.number();
  }

  /** Whether a piece that makes a tensor also reads it: a cut there would be a new one. */
  isInside(tensor: string): boolean {
    const maker = this.links.maker.get(tensor);
    const piece = maker === undefined ? null : this.pieces[maker]!;
    return piece !== null && this.readers(tensor).some((reader) => this.pieces[reader] === piece);
  }

  /** The block that makes a tensor; null for inputs and constants. */
  blockOfTensor(tensor: string): number | null {
    const maker = this.links.maker.get(tensor);
    return maker === undefined ? null : (this.blockOf[maker] ?? null);
  }

  /** Cuts the model at some tensors. Where a block falls into too many pieces, cuts that nobody asked for lately go. */
  cutAt(tensors: Iterable<string>): void {
    const wanted = [...tensors].filter((tensor) => this.splits(tensor));
    const before = this.blocks.map(({ cuts }) => [...cuts].sort().join('\n'));
    for (const tensor of wanted) {
      const { cuts } = this.block(tensor)!;
      cuts.delete(tensor);
      cuts.add(tensor);
    }
    const needed = new Set(wanted);
    for (const { cuts } of this.blocks) {
      for (const tensor of cuts) {
        if (cuts.size <= KEPT) break;
        if (!needed.has(tensor) && !this.fixed.has(tensor)) cuts.delete(tensor);
      }
    }
    if (this.blocks.some(({ cuts }, i) => [...cuts].sort().join('\n') !== before[i])) this.number();
  }

  /** What to call a piece. */
  label(piece: number): string {
    return this.labels[piece]!;
  }

  private block(tensor: string): Block | null {
    const block = this.blockOfTensor(tensor);
    return block === null ? null : this.blocks[block]!;
  }

  private readers(tensor: string): readonly number[] {
    return this.links.readers.get(tensor) ?? [];
  }

  /** Whether a tensor is made and read in the same block. */
  private splits(tensor: string): boolean {
    const block = this.blockOfTensor(tensor);
    return block !== null && this.readers(tensor).some((reader) => this.blockOf[reader] === block);
  }

  private number(): void {
    this.version++;
    this.nodes = [];
    this.keys = [];
    this.labels = [];
    this.blocks.forEach((block, i) => {
      const parts = this.split(block).filter((part) => part.length > 0);
      parts.forEach((part, k) => {
        for (const node of part) this.pieces[node] = this.nodes.length;
        this.nodes.push(part);
        this.keys.push(ranges(part));
        this.labels.push(parts.length === 1 ? this.names[i]! : `${this.names[i]} (${k + 1} of ${parts.length})`);
      });
    });
  }

  /** What each cut's tensor needs of the block, less what the cuts before it need; then the rest. */
  private split({ nodes, cuts }: Block): number[][] {
    const left = new Set(nodes);
    const makers = [...new Set([...cuts].map((tensor) => this.links.maker.get(tensor)!))].sort((a, b) => a - b);
    const parts = makers.map((maker) => {
      const part: number[] = [];
      const pending = [maker];
      for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
        if (!left.delete(node)) continue;
        part.push(node);
        for (const name of this.links.reads[node]!) pending.push(this.links.maker.get(name) ?? -1);
      }
      return part.sort((a, b) => a - b);
    });
    return [...parts, [...left]];
  }
}
