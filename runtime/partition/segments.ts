import type { OnnxModel } from '../onnx/read.ts';
import type { Cuts } from './cuts.ts';
import { describePart, type Part, type Replaced } from './fragment.ts';
import type { PartWriter } from './fragment-writer.ts';
import type { Piece } from './plan.ts';

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

/** How many parts of a piece are known at a time besides those that are compiled. */
const KEPT = 64;

/** The parts of one piece that were planned so far. */
interface Family {
  /** Those in which nothing is replaced, by their outputs. */
  readonly plain: Map<string, Part>;
  readonly known: Map<string, Known>;
}

/** What a part has to do. */
export interface Wanted {
  readonly nodes: readonly number[];
  readonly outputs: readonly string[];
  /** Which nodes of the model the part is cut from, as a text; the same for all its parts. */
  readonly family: string;
  /** Null where nothing that the part reads was replaced. */
  readonly replaced: Replaced | null;
}

/** The parts of a model that were planned so far. */
export class Segments {
  private readonly model: OnnxModel;
  private readonly writer: PartWriter;
  private readonly compiled: Compiled;
  private readonly families = new Map<string, Family>();
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
    const current = new Set(cuts.keys);
    for (const [key, { known }] of this.families) {
      if (current.has(key)) continue;
      this.families.delete(key);
      for (const part of known.keys()) this.compiled.drop(part);
    }
  }

  /** The segment that runs some nodes; null where ONNX Runtime cannot be handed what enters it. */
  of(wanted: Wanted): Segment | null {
    const family = this.families.get(wanted.family) ?? { plain: new Map(), known: new Map() };
    this.families.set(wanted.family, family);
    const part = this.part(wanted, family);
    if (!this.writer.isPassable(part)) return null;
    const { known } = family;
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
    known.set(part.key, { part, piece });
    if (known.size > KEPT) {
      for (const key of known.keys()) if (key !== part.key && !this.compiled.has(key)) known.delete(key);
    }
    return { piece, inputs: part.inputs };
  }

  private part({ nodes, outputs, replaced }: Wanted, { plain }: Family): Part {
    if (replaced) return describePart(this.model, nodes, outputs, replaced);
    const key = outputs.join('\n');
    let part = plain.get(key);
    if (!part) {
      part = describePart(this.model, nodes, outputs, () => undefined);
      if (plain.size === KEPT) plain.clear();
      plain.set(key, part);
    }
    return part;
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
