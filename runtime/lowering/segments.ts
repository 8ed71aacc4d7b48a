import type { OnnxModel } from '../model/read.ts';
import type { Cuts } from './cuts.ts';
import { describePart, type Part, type Replaced } from './part.ts';
import type { PartWriter } from './part-writer.ts';
import type { Piece } from './plan.ts';
import { ranges } from './ranges.ts';

/** What planning needs to know of the compiled pieces. */
export interface Compiled {
  has(key: string): boolean;
  /** Lets go of a piece that will not be used again. */
  drop(key: string): void;
}

/** The piece that runs a part of the model, and what it is fed. It may give more than was asked for. */
export interface Segment {
  readonly piece: Piece;
  readonly inputs: Part['inputs'];
}

/** A part that was planned before. */
interface Known {
  readonly part: Part;
  readonly piece: Piece;
}

/** How many outputs that nobody asked for a piece may have for being used in another one's place. */
const SPARE = 8;

/** The parts of a model that were planned so far, by the nodes of the piece they belong to. */
export class Segments {
  private readonly model: OnnxModel;
  private readonly writer: PartWriter;
  private readonly compiled: Compiled;
  private readonly families = new Map<string, Map<string, Known>>();
  private version = 0;

  constructor(model: OnnxModel, writer: PartWriter, compiled: Compiled) {
    this.model = model;
    this.writer = writer;
    this.compiled = compiled;
  }

  /** Forgets the pieces that the model is no longer cut into: no weights are held twice. */
  follow(cuts: Cuts): void {
    if (cuts.version === this.version) return;
    this.version = cuts.version;
    const current = new Set(cuts.nodes.map(ranges));
    for (const [family, segments] of this.families) {
      if (current.has(family)) continue;
      this.families.delete(family);
      for (const key of segments.keys()) this.compiled.drop(key);
    }
  }

  /**
   * The segment that runs some nodes, all of a piece or fewer; null where ONNX Runtime cannot be handed what enters it.
   * @param around the nodes of the piece
   */
  of(
    nodes: readonly number[],
    around: readonly number[],
    outputs: readonly string[],
    replaced: Replaced,
  ): Segment | null {
    const part = describePart(this.model, nodes, outputs, replaced);
    if (!this.writer.isPassable(part)) return null;
    const family = ranges(around);
    const known = this.families.get(family) ?? new Map<string, Known>();
    const exact = known.get(part.key);
    const isReady = exact !== undefined && this.compiled.has(part.key);
    const wider = isReady
      ? undefined
      : [...known.values()].find((other) => serves(other.part, part) && this.compiled.has(other.piece.key));
    if (wider) {
      const names = [...wider.part.inputs.keys()];
      return { piece: wider.piece, inputs: new Map(names.map((name) => [name, part.inputs.get(name)!])) };
    }
    const piece = exact?.piece ?? this.piece(part);
    this.families.set(family, known.set(part.key, { part, piece }));
    return { piece, inputs: part.inputs };
  }

  private piece(part: Part): Piece {
    return {
      key: part.key,
      kind: 'segment',
      weights: this.writer.bytes(part.initializers),
      random: this.writer.isRandom(part),
      write: () => this.writer.write(part),
    };
  }
}

/** Whether a part can be used in another one's place: it gives all that the other gives and needs no more. */
function serves(wide: Part, part: Part): boolean {
  if (part.isSpecial || wide.isSpecial || wide.outputs.length > part.outputs.length + SPARE) return false;
  const outputs = new Set(wide.outputs);
  return (
    part.outputs.every((name) => outputs.has(name)) && [...wide.inputs.keys()].every((name) => part.inputs.has(name))
  );
}
