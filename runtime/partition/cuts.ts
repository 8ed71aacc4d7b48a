import { dtypeName, elementType } from '../onnx/dtypes.ts';
import type { Links } from '../onnx/links.ts';
import type { OnnxModel } from '../onnx/model.ts';
import { ranges } from './ranges.ts';
import { restoredFrom } from './restored.ts';
import type { Stretches } from './stretches.ts';

/** How many cuts inside a stretch are kept for traces that don't ask for them. */
const KEPT = 4;

/** After how many runs that did not ask for it a cut goes: each makes all runs a little longer. */
const PATIENCE = 100;

/** A tensor of another segment, and a node that reads it. */
export interface Entering {
  readonly reader: number;
  readonly tensor: string;
}

/**
 * A stretch's nodes, ascending, and the tensors that it is cut at, with the number of the run that asked for each last: the
 * one asked for most recently stands last.
 */
interface Stretch {
  readonly nodes: readonly number[];
  readonly cuts: Map<string, number>;
}

/**
 * Where a model is cut now: between its stretches, and inside of them at tensors that traces have touched. A cut stays as
 * long as traces ask for it now and then, so that the next one that touches the tensor finds the model cut there.
 */
export class Cuts {
  /** Counts the changes. */
  version = 0;
  /** The segment of each node; null for nodes that make constants. No node needs anything of a later segment. */
  readonly segmentOf: (number | null)[];
  /** The nodes of each segment, ascending. */
  nodes: (readonly number[])[] = [];
  /** A text for each segment: equal texts are equal nodes. */
  keys: string[] = [];
  /** What the nodes of each segment read of other segments, by the segment's text. */
  private entering = new Map<string, readonly Entering[]>();
  private labels: string[] = [];
  private readonly links: Links;
  private readonly elementTypes: ReadonlyMap<string, number>;
  private readonly stretches: Stretch[];
  private readonly names: readonly string[];
  private readonly stretchOf: readonly (number | null)[];
  private readonly fixed: ReadonlySet<string>;
  /** What restores the quantized tensors that a node makes: they stay together. */
  private readonly restorers = new Map<number, number[]>();
  /** The runs so far. */
  private runs = 0;

  /** @param fixed tensors to cut at from the start, and for good */
  constructor(model: OnnxModel, { names, of }: Stretches, fixed: Iterable<string> = []) {
    this.links = model.links;
    this.elementTypes = model.elementTypes;
    model.graph.node.forEach(({ output }, index) => {
      const quantized = restoredFrom(model, output[0]!);
      if (quantized === null) return;
      const maker = this.links.maker.get(quantized)!;
      this.restorers.set(maker, [...(this.restorers.get(maker) ?? []), index]);
    });
    this.names = names;
    this.stretchOf = of;
    this.segmentOf = of.map(() => null);
    const nodes: number[][] = names.map(() => []);
    of.forEach((stretch, index) => {
      if (stretch !== null) nodes[stretch]!.push(index);
    });
    this.stretches = nodes.map((own) => ({ nodes: own, cuts: new Map() }));
    this.fixed = new Set([...fixed].filter((tensor) => this.splits(tensor)));
    for (const tensor of this.fixed) this.stretch(tensor)!.cuts.set(tensor, 0);
    this.number();
  }

  /** Whether a segment that makes a tensor also reads it: a cut there would be a new one. */
  isInside(tensor: string): boolean {
    const maker = this.links.maker.get(tensor);
    const segment = maker === undefined ? null : this.segmentOf[maker]!;
    return segment !== null && this.readers(tensor).some((reader) => this.segmentOf[reader] === segment);
  }

  /** The stretch that makes a tensor; null for inputs and constants. */
  stretchOfTensor(tensor: string): number | null {
    const maker = this.links.maker.get(tensor);
    return maker === undefined ? null : (this.stretchOf[maker] ?? null);
  }

  /** Cuts the model at some tensors. Where a stretch falls into too many segments, the cuts that were asked for longest ago go. */
  cutAt(tensors: Iterable<string>): void {
    const wanted = [...tensors].filter((tensor) => this.splits(tensor));
    const before = this.all();
    this.ask(wanted);
    const needed = new Set(wanted);
    for (const { cuts } of this.stretches) {
      for (const tensor of cuts.keys()) {
        if (cuts.size <= KEPT) break;
        if (!needed.has(tensor) && !this.fixed.has(tensor)) cuts.delete(tensor);
      }
    }
    if (this.all() !== before) this.number();
  }

  /**
   * Told of each run which tensors its trace asks the model to be cut at: cuts that no trace has asked for in the last runs go.
   */
  ran(asked: Iterable<string>): void {
    this.runs++;
    this.ask([...asked].filter((tensor) => this.stretch(tensor)?.cuts.has(tensor)));
    const before = this.all();
    for (const { cuts } of this.stretches) {
      for (const [tensor, last] of cuts) {
        if (this.runs - last > PATIENCE && !this.fixed.has(tensor)) cuts.delete(tensor);
      }
    }
    if (this.all() !== before) this.number();
  }

  /** What to call a segment. */
  label(segment: number): string {
    return this.labels[segment]!;
  }

  /** What the nodes of a segment read of other segments, in order; not what is the same in every run. */
  enteringOf(segment: number): readonly Entering[] {
    const key = this.keys[segment]!;
    const found =
      this.entering.get(key) ??
      this.nodes[segment]!.flatMap((reader) =>
        this.links.reads[reader]!.filter((tensor) => {
          const maker = this.links.maker.get(tensor);
          const made = maker === undefined ? null : this.segmentOf[maker]!;
          return made !== null && made !== segment;
        }).map((tensor) => ({ reader, tensor })),
      );
    this.entering.set(key, found);
    return found;
  }

  private ask(tensors: readonly string[]): void {
    for (const tensor of tensors) {
      const { cuts } = this.stretch(tensor)!;
      cuts.delete(tensor);
      cuts.set(tensor, this.runs);
    }
  }

  /** All cuts as a text. */
  private all(): string {
    return this.stretches.map(({ cuts }) => [...cuts.keys()].sort().join('\n')).join('\n\n');
  }

  private stretch(tensor: string): Stretch | null {
    const stretch = this.stretchOfTensor(tensor);
    return stretch === null ? null : this.stretches[stretch]!;
  }

  private readers(tensor: string): readonly number[] {
    return this.links.readers.get(tensor) ?? [];
  }

  /** Whether a tensor is made and read in the same stretch, and can go from one session to the next. */
  private splits(tensor: string): boolean {
    if (dtypeName(this.elementTypes.get(tensor) ?? elementType('float32')) === null) return false;
    const stretch = this.stretchOfTensor(tensor);
    return stretch !== null && this.readers(tensor).some((reader) => this.stretchOf[reader] === stretch);
  }

  private number(): void {
    this.version++;
    this.nodes = [];
    this.keys = [];
    this.labels = [];
    this.stretches.forEach((stretch, i) => {
      const segments = this.split(stretch).filter((segment) => segment.length > 0);
      segments.forEach((segment, k) => {
        for (const node of segment) this.segmentOf[node] = this.nodes.length;
        this.nodes.push(segment);
        this.keys.push(ranges(segment));
        this.labels.push(segments.length === 1 ? this.names[i]! : `${this.names[i]} (${k + 1} of ${segments.length})`);
      });
    });
    const current = new Set(this.keys);
    this.entering = new Map([...this.entering].filter(([key]) => current.has(key)));
  }

  /** What each cut's tensor needs of the stretch, less what the cuts before it need; then the rest. */
  private split({ nodes, cuts }: Stretch): number[][] {
    const left = new Set(nodes);
    const makers = [...new Set([...cuts.keys()].map((tensor) => this.links.maker.get(tensor)!))].sort((a, b) => a - b);
    const segments = makers.map((maker) => {
      const segment: number[] = [];
      const pending = [maker];
      for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
        if (!left.delete(node)) continue;
        segment.push(node);
        pending.push(...(this.restorers.get(node) ?? []));
        for (const name of this.links.reads[node]!) pending.push(this.links.maker.get(name) ?? -1);
      }
      return segment.sort((a, b) => a - b);
    });
    return [...segments, [...left]];
  }
}
