import { TraceError } from '../errors.ts';
import type { InterventionGraph } from '../graph/graph.ts';
import type { Node, NodeOf, Shape } from '../graph/types.ts';
import type { Locate } from '../lowering/address.ts';
import { Dependencies, type Vertex } from '../lowering/dependencies.ts';
import type { ForwardModel } from '../lowering/forward.ts';
import type { Layer } from '../modules/layers.ts';
import { bytesInFile } from '../onnx/external.ts';
import type { OnnxModel } from '../onnx/model.ts';
import { type CutModel, Unsegmentable } from './cut-model.ts';
import { Cuts } from './cuts.ts';
import type { InterventionPrograms } from './intervention-programs.ts';
import type { Plan, ProgramStore } from './plan.ts';
import type { Segments } from './segment-programs.ts';
import { planOf } from './segmented-plan.ts';
import { stretchesOf } from './stretches.ts';
import { TapPrograms } from './tap-programs.ts';
import { isScoped, tapWrites } from './tap-writes.ts';
import { canBeTapped, type TappedModel, tappedModel } from './tapped-model.ts';

export interface TapOptions {
  readonly model: OnnxModel;
  readonly locate: Locate;
  /** The layers of the model, at least one: there are the taps. */
  readonly layers: readonly Layer[];
  /** What modules inside of layers give: it can be read, too. */
  readonly inside: readonly string[];
  /** Whether it can be set as well. More taps make each run a little longer. */
  readonly isDeep: boolean;
  /** What enters the row-wise ends of the model, which may run on some rows alone. */
  readonly entries: readonly string[];
  readonly interventions: InterventionPrograms;
  /** The programs of the model as it is. */
  readonly segments: Segments;
  /** The number of dimensions of a tensor, if it is known. */
  readonly rankOf: (tensor: string) => number | null;
}

/** The bytes of weights up to which a model may have two sessions with taps: with the row-wise end, and without it. */
const SMALL = 2 ** 26;

/**
 * Runs the model as one session, in which what a block reads and sets at the ends of layers (or also of the modules in them) are
 * outputs and inputs. The row-wise
 * end, which blocks do not need, or for some rows alone, is a session of its own; a small model has one with it, too.
 */
export class Taps {
  private readonly original: ForwardModel;
  private readonly tapped: TappedModel;
  /** The model with its row-wise end apart, and where it is small, in one piece. */
  private readonly parted: CutModel;
  private readonly whole: CutModel | null;
  private readonly programs: TapPrograms[] = [];
  /** Where the layers begin and end. */
  private readonly boundaries: readonly string[];
  private readonly entries: ReadonlySet<string>;

  constructor(options: TapOptions) {
    const { model, locate, layers, entries, interventions, segments: others, rankOf } = options;
    const ends = [...new Set(entries)];
    // The model is in two parts at most: more entries would leave taps in several of them.
    this.entries = new Set(ends.length === 1 ? ends : []);
    this.original = { model, locate };
    const around = [...layers[0]!.call.inputs.slice(0, 1), ...layers.flatMap(({ call }) => call.outputs)];
    this.boundaries = [...new Set(around)].filter((tensor) => canBeRead(model, tensor));
    const inside = options.inside.filter((tensor) => canBeRead(model, tensor) && !this.boundaries.includes(tensor));
    const tappable = options.isDeep ? [...this.boundaries, ...inside] : this.boundaries;
    const own = tappable.filter((tensor) => canBeTapped(model, tensor) && !this.entries.has(tensor));
    this.tapped = tappedModel(model, locate, own, rankOf);
    const stretches = { ...stretchesOf(this.tapped.model, []), names: ['the model with taps'] };
    const readable = [...this.boundaries, ...inside, ...this.entries];
    const cutAt = (tensors: ReadonlySet<string>): CutModel => {
      const cuts = new Cuts(this.tapped.model, stretches, tensors);
      const segments = new TapPrograms(cuts, readable, this.tapped, others);
      this.programs.push(segments);
      return { model: this.tapped.model, locate: this.tapped.locate, cuts, isFixed: true, segments, interventions };
    };
    const parted = cutAt(this.entries);
    // What does not lead to the end would be cut off with it.
    const holdsTaps = this.tapped.origins.every((origin, node) => origin !== null || parted.cuts.segmentOf[node] === 0);
    if (!holdsTaps) this.entries = new Set();
    this.parted = holdsTaps ? parted : cutAt(this.entries);
    const bytes = model.graph.initializer.reduce((sum, tensor) => sum + bytesInFile(tensor), 0);
    this.whole = bytes <= SMALL && this.parted.cuts.nodes.length > 1 ? cutAt(new Set()) : null;
  }

  /** Whether a session of it is there. */
  isMade(store: ProgramStore): boolean {
    return this.programs.some(({ program }) => store.has(program.key));
  }

  /** The graph with what it sets handed to taps; null where they cannot do it. */
  rewritten(graph: InterventionGraph, shapeOf: (tensor: string) => Shape): InterventionGraph | null {
    const { links } = this.original.model;
    return tapWrites(graph, {
      tapped: this.tapped,
      shapeOf,
      isBoundary: (tensor) => this.boundaries.includes(tensor),
      isCutAt: (tensor) => this.entries.has(tensor),
      isGiven: (tensor) => !links.maker.has(tensor) || links.constant.has(tensor),
      isForAll: (write) => this.isForAll(write),
    });
  }

  /**
   * How a rewritten graph runs; null where it reads more than can be read, does not need all layers, or where the graph that it
   * was made of sets something that nothing depends on.
   */
  plan(graph: InterventionGraph, source: InterventionGraph): Plan | null {
    try {
      const asked = new Dependencies(source, [this.original]);
      asked.checkWrites(new Set(asked.order(source.saves.map(({ value }) => value))));
      const dependencies = new Dependencies(graph, [this.tapped]);
      const vertices = dependencies.order(graph.saves.map(({ value }) => value));
      const needed = new Set(vertices);
      const { maker } = this.tapped.model.links;
      if (!this.boundaries.every((tensor) => needed.has(maker.get(tensor)!))) return null;
      dependencies.checkWrites(needed);
      const cut = this.whole && this.needsEnd(graph, needed) ? this.whole : this.parted;
      return { ...planOf(cut, graph, dependencies, vertices, []), idle: this.tapped.idle };
    } catch (error) {
      // In segments a mistake is told in the terms of the block.
      if (error instanceof Unsegmentable || error instanceof TraceError) return null;
      throw error;
    }
  }

  /** Whether the row-wise end runs as it is in the model. */
  private needsEnd({ root }: InterventionGraph, needed: ReadonlySet<Vertex>): boolean {
    const isSet = (node: Node) => node.op === 'write' && this.entries.has(this.tapped.locate(node.attributes).tensor);
    return this.parted.cuts.nodes.at(-1)!.every((node) => needed.has(node)) && !root.nodes.some(isSet);
  }

  private isForAll(write: NodeOf<'write'>): boolean {
    if (!isScoped(write)) return true;
    const { model, locate } = this.original;
    const { tensor, nodes } = locate(write.attributes);
    const { graph, links } = model;
    // What reads the shape alone gets the same.
    const isShape = (node: number) => graph.node[node]!.output.every((name) => links.structural.has(name));
    return links.readers.get(tensor)!.every((reader) => nodes.includes(reader) || isShape(reader));
  }
}

/** Whether nodes make a tensor in each run, which can leave a session. */
function canBeRead({ links, elementTypes }: OnnxModel, tensor: string): boolean {
  return links.maker.has(tensor) && !links.constant.has(tensor) && elementTypes.has(tensor);
}
