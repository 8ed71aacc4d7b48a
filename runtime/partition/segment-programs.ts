import { keyOf } from '../graph/key.ts';
import type { OnnxModel } from '../onnx/model.ts';
import type { Cuts } from './cuts.ts';
import { describeFragment, type Fragment, type Replaced } from './fragment.ts';
import type { FragmentWriter } from './fragment-writer.ts';
import type { Program, ProgramStore } from './plan.ts';

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
  /** Null where nothing that the nodes read was replaced. */
  readonly replaced: Replaced | null;
}

/** Finds the program that runs a segment: one that is compiled, if it can, or a new one. */
export class SegmentPrograms {
  private readonly model: OnnxModel;
  private readonly writer: FragmentWriter;
  private readonly store: ProgramStore;
  private readonly variants = new Map<string, Variants>();
  private version = 0;

  constructor(model: OnnxModel, writer: FragmentWriter, store: ProgramStore) {
    this.model = model;
    this.writer = writer;
    this.store = store;
  }

  /** Forgets the segments that the model is no longer cut into, so that no weights are held twice. */
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

  /** The program that does what is asked; null where ONNX Runtime cannot be handed what enters it. */
  of(request: SegmentRequest): SegmentProgram | null {
    const variants = this.variants.get(request.segment) ?? { plain: new Map(), all: new Map() };
    this.variants.set(request.segment, variants);
    const fragment = this.fragment(request, variants);
    if (!this.writer.isPassable(fragment)) return null;
    const { all } = variants;
    const exact = all.get(fragment.key);
    const isReady = exact !== undefined && this.store.has(fragment.key);
    const wider = isReady
      ? undefined
      : [...all.values()].find((other) => serves(other.fragment, fragment) && this.store.has(other.program.key));
    if (wider) {
      const names = [...wider.fragment.inputs.keys()];
      return { program: wider.program, inputs: new Map(names.map((name) => [name, fragment.inputs.get(name)!])) };
    }
    const program = exact?.program ?? this.program(fragment);
    all.set(fragment.key, { fragment, program });
    if (all.size > KEPT) {
      for (const key of all.keys()) if (key !== fragment.key && !this.store.has(key)) all.delete(key);
    }
    return { program, inputs: fragment.inputs };
  }

  private fragment({ nodes, outputs, replaced }: SegmentRequest, { plain }: Variants): Fragment {
    if (replaced) return describeFragment(this.model, nodes, outputs, replaced);
    const key = keyOf(...outputs);
    let fragment = plain.get(key);
    if (!fragment) {
      fragment = describeFragment(this.model, nodes, outputs, () => undefined);
      if (plain.size === KEPT) plain.clear();
      plain.set(key, fragment);
    }
    return fragment;
  }

  private program(fragment: Fragment): Program {
    return {
      key: fragment.key,
      kind: 'segment',
      weights: this.writer.bytes(fragment.initializers),
      random: this.writer.isRandom(fragment),
      write: () => this.writer.write(fragment),
    };
  }
}

/** Whether a fragment can be used instead of another one: it gives all that the other gives and needs no more. */
function serves(wide: Fragment, fragment: Fragment): boolean {
  if (fragment.isSpecial || wide.isSpecial || wide.outputs.length > fragment.outputs.length + SPARE) return false;
  const outputs = new Set(wide.outputs);
  return (
    fragment.outputs.every((name) => outputs.has(name)) &&
    [...wide.inputs.keys()].every((name) => fragment.inputs.has(name))
  );
}
