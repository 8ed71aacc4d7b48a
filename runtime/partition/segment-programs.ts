import { keyOf } from '../graph/key.ts';
import { encodeWithOutputs } from '../onnx/kept-outputs.ts';
import type { OnnxModel } from '../onnx/model.ts';
import type { Cuts } from './cuts.ts';
import { describeFragment, type Fragment, type Replaced } from './fragment.ts';
import type { FragmentWriter } from './fragment-writer.ts';
import type { Program, ProgramStore } from './plan.ts';
import { ranges } from './ranges.ts';
import type { Reading } from './reading.ts';
import type { RowWiseEnds } from './row-wise.ts';

/** The program that runs a fragment of the model, and what it is fed. It may give more than was asked for. */
export interface SegmentProgram {
  readonly program: Program;
  readonly inputs: Fragment['inputs'];
}

/** A fragment that was asked for before, with its program. */
interface Variant {
  readonly fragment: Fragment;
  readonly program: Program;
}

/** How many outputs more than asked for a compiled program may have to be used instead of a new one. */
const SPARE = 8;

/** How many variants of a segment are known at a time besides those that are compiled. */
const KEPT = 64;

/** The fragments of one segment that were asked for so far: with other outputs, or fed other values. */
interface Variants {
  /** Those in which nothing is replaced, by their outputs. */
  readonly plain: Map<string, Fragment>;
  readonly all: Map<string, Variant>;
}

/** What a segment has to do in one plan. */
export interface SegmentRequest {
  readonly nodes: readonly number[];
  readonly outputs: readonly string[];
  /** Which nodes of the model the segment has, as a text; the same for all its variants. */
  readonly segment: string;
  /** The nodes that the segment has. */
  readonly all: readonly number[];
  /** Null where nothing that the nodes read was replaced. */
  readonly replaced: Replaced | null;
}

/** Finds the programs that run segments. */
export interface Segments {
  /** Forgets the segments that the model is no longer cut into, so that no weights are held twice. */
  follow(cuts: Cuts): void;
  /** The program that does what is asked; null where there can be none. */
  of(request: SegmentRequest): SegmentProgram | null;
}

/** Takes a program that is compiled, if one does what is asked, or a new one. */
export class SegmentPrograms implements Segments {
  private readonly model: OnnxModel;
  private readonly writer: FragmentWriter;
  private readonly store: ProgramStore;
  private readonly ends: RowWiseEnds;
  private readonly reading: Reading | null;
  private readonly variants = new Map<string, Variants>();
  private version = 0;

  /** @param reading what programs give besides what is asked for; null for nothing */
  constructor(
    model: OnnxModel,
    writer: FragmentWriter,
    store: ProgramStore,
    ends: RowWiseEnds,
    reading: Reading | null = null,
  ) {
    this.model = model;
    this.writer = writer;
    this.store = store;
    this.ends = ends;
    this.reading = reading;
  }

  follow(cuts: Cuts): void {
    if (cuts.version === this.version) return;
    this.version = cuts.version;
    const current = new Set(cuts.keys);
    for (const [key, { all }] of this.variants) {
      if (current.has(key)) continue;
      this.variants.delete(key);
      for (const fragment of all.keys()) this.store.drop(fragment);
    }
  }

  /** Null where ONNX Runtime cannot be handed what enters it. */
  of(request: SegmentRequest): SegmentProgram | null {
    const variants = this.variants.get(request.segment) ?? { plain: new Map(), all: new Map() };
    this.variants.set(request.segment, variants);
    const asked = this.fragment(request, variants);
    if (!this.writer.isPassable(asked)) return null;
    const { all } = variants;
    const compiled = [...all.values()].filter(({ program }) => this.store.has(program.key));
    const wider = all.has(asked.key) && this.store.has(asked.key) ? undefined : this.wider(compiled, asked);
    if (wider) {
      const names = [...wider.fragment.inputs.keys()];
      const inputs = new Map(names.map((name) => [name, asked.inputs.get(name) ?? name]));
      return { program: wider.program, inputs };
    }
    const fragment = this.reading && !asked.isSpecial ? this.widened(request, variants, compiled, this.reading) : asked;
    const program = all.get(fragment.key)?.program ?? this.programOf(fragment);
    all.set(fragment.key, { fragment, program });
    if (all.size > KEPT) {
      for (const key of all.keys()) if (key !== fragment.key && !this.store.has(key)) all.delete(key);
    }
    return { program, inputs: fragment.inputs };
  }

  /** The compiled variant that does what is asked at the least cost. */
  private wider(compiled: readonly Variant[], asked: Fragment): Variant | undefined {
    const { reading } = this;
    const given = reading ? new Set(this.model.inputs.map(({ name }) => name)) : null;
    return compiled
      .filter(({ fragment }) => serves(fragment, asked, given))
      .sort((a, b) => a.fragment.nodes.length - b.fragment.nodes.length)[0];
  }

  /**
   * What is compiled so that others can read from it: as deep as is asked at first, then the whole segment, so that readers of
   * every depth have two programs at most.
   */
  private widened(
    { nodes, outputs, all, ...rest }: SegmentRequest,
    variants: Variants,
    compiled: readonly Variant[],
    reading: Reading,
  ): Fragment {
    const deep = compiled.some(({ fragment }) => !fragment.isSpecial) ? all : nodes;
    return this.fragment({ ...rest, nodes: deep, all, outputs: reading.outputs(deep, outputs) }, variants);
  }

  private programOf(fragment: Fragment): Program {
    return { ...programOf(this.writer, fragment), rowWise: this.ends.contain(fragment) };
  }

  private fragment({ nodes, outputs, replaced }: SegmentRequest, { plain }: Variants): Fragment {
    if (replaced) return describeFragment(this.model, nodes, outputs, replaced);
    const key = keyOf(ranges(nodes), ...outputs);
    let fragment = plain.get(key);
    if (!fragment) {
      fragment = describeFragment(this.model, nodes, outputs, () => undefined);
      if (plain.size === KEPT) plain.clear();
      plain.set(key, fragment);
    }
    return fragment;
  }
}

export function programOf(writer: FragmentWriter, fragment: Fragment): Program {
  return {
    key: fragment.key,
    kind: 'segment',
    weights: writer.bytes(fragment.initializers),
    random: writer.isRandom(fragment),
    write: () => encodeWithOutputs(writer.write(fragment)),
    model: () => writer.write(fragment),
  };
}

/**
 * Whether a fragment can be used instead of another one: it gives all that the other gives and needs no more. Where programs are
 * made to be read from, it may give more, and need what is `given` in any case.
 */
function serves(wide: Fragment, fragment: Fragment, given: ReadonlySet<string> | null): boolean {
  if (fragment.isSpecial || wide.isSpecial) return false;
  if (given === null && wide.outputs.length > fragment.outputs.length + SPARE) return false;
  const outputs = new Set(wide.outputs);
  return (
    fragment.outputs.every((name) => outputs.has(name)) &&
    [...wide.inputs.keys()].every((name) => fragment.inputs.has(name) || given?.has(name))
  );
}
