import { goneAhead } from '../gradients/ahead.ts';
import { type Backward, gradientName, seedName } from '../gradients/backward.ts';
import type { Dim } from '../gradients/facts.ts';
import { DerivativeKinds } from '../gradients/kinds.ts';
import { fromResiduals } from '../gradients/residuals.ts';
import { type Share, withShares } from '../gradients/shares.ts';
import { keyOf } from '../graph/key.ts';
import { readsOf } from '../onnx/captures.ts';
import { elementTypeOf, hasShape } from '../onnx/declared.ts';
import { elementType } from '../onnx/dtypes.ts';
import { bytesInFile } from '../onnx/external.ts';
import { encodeWithOutputs } from '../onnx/kept-outputs.ts';
import { makeValueInfo } from '../onnx/make.ts';
import type { ModelProto } from '../onnx/proto.ts';
import { modelOf, type Program, type ProgramStore } from '../partition/plan.ts';
import { sizeClasses } from './size-classes.ts';

/** How many derivatives of programs are kept; the one used least recently goes first. */
const KEPT = 256;

/** How often a derivative runs before the runs of its program keep what takes long to compute: their session is made anew. */
const OFTEN = 5;

/**
 * With few rows, a product of matrices takes as long to bring the weights into the form that kernels like best as to
 * multiply: what runs often has them so, in memory once more. A single row is multiplied by the weights as they lie.
 */
const FEW = { least: 2, most: 63 };

/** What is asked of the derivative of a program. */
export interface BackwardQuestion {
  /** The outputs whose gradients come in. */
  readonly seeds: readonly string[];
  /** The tensors whose gradients are asked for. */
  readonly wanted: readonly string[];
  /** The seeds that take the place of what flows there. */
  readonly replaced: ReadonlySet<string>;
  /** What need not be computed again. */
  readonly given: ReadonlySet<string>;
  /** The weights among them whose gradients are only their own readers'. */
  readonly shares: readonly Share[];
  /** The sizes of the inputs in this run. */
  readonly dims: ReadonlyMap<string, readonly number[]>;
}

/** The derivative of a program, and under which names it is fed and what it gives. */
export interface BackwardProgram extends Pick<Backward, 'inputs' | 'seeds' | 'outputs' | 'order'> {
  readonly program: Program;
  /** The size of the weights that it reads. */
  readonly weights: number;
}

/** A derivative that was written. */
interface Written extends BackwardProgram {
  /** How often it was used. */
  readonly uses: number;
  /** Whether runs of its program keep what it computes again, once it is used often. */
  readonly keeps: boolean;
}

/** What runs of a program keep: what it computes on the way, or what it has gone back for at once. */
interface Kept {
  readonly names: readonly string[];
  readonly ahead: ModelProto | null;
}

export { gradientName, seedName };

/** What is known of a program. */
interface Known {
  /** The positions of the nodes that make tensors, -1 for weights. */
  readonly makers: ReadonlyMap<string, number>;
  /** What each node reads. */
  readonly reads: readonly (readonly string[])[];
  /** The sizes that weights have. */
  readonly sizes: ReadonlySet<number>;
  /** Inputs of whole numbers of which nothing is declared: shapes that other programs have computed, mostly, whose length is a rank. */
  readonly lists: ReadonlySet<string>;
}

/** The derivatives of the programs of one engine, each written once. */
export class BackwardPrograms {
  private readonly kinds = new DerivativeKinds();
  private readonly written = new Map<string, Written>();
  private readonly known = new Map<string, Known>();
  /** By programs: what their runs keep for the backward pass. */
  private readonly kept = new Map<string, Kept>();
  /** How often the derivatives of programs were used. */
  private readonly uses = new Map<string, number>();
  /** By derivatives: the one that computed again what they are given. */
  private readonly outdated = new Map<string, string>();
  private readonly store: ProgramStore;

  constructor(store: ProgramStore) {
    this.store = store;
  }

  /** Throws a GradientError where a node on the way has no derivative. `isNew`: whether one was written. */
  of(program: Program, question: BackwardQuestion): BackwardProgram & { readonly isNew: boolean } {
    const { sizes, lists } = this.knownOf(program);
    const request = { ...question, dims: sizeClasses(question.dims, sizes, lists) };
    const key = requestKey(program, request);
    const known = this.written.get(key);
    const first = known ?? { ...this.write(key, program, request), uses: 0, keeps: !program.random };
    remember(this.uses, program.key, (this.uses.get(program.key) ?? 0) + 1);
    const isOften = first.keeps && first.uses === (program.isOften ? 0 : OFTEN);
    const used = isOften ? this.often(key, program, request, first, isShort(question)) : first;
    // It still runs where what it computes again is too large to be kept.
    const last = used.uses > OFTEN ? this.simplified(program, used) : used;
    this.dropOutdated(key);
    remember(this.written, key, { ...last, uses: last.uses + 1 });
    return { ...last, isNew: !known || isOften };
  }

  /**
   * Where in a program a tensor is made: the position of the node, -1 for a weight; undefined where there is no such tensor.
   */
  maker(program: Program, tensor: string): number | undefined {
    return this.knownOf(program).makers.get(tensor);
  }

  /** Whether a tensor of a program is computed from another one. */
  depends(program: Program, tensor: string, on: string): boolean {
    const { makers, reads } = this.knownOf(program);
    const seen = new Set([tensor]);
    for (const name of seen) for (const read of reads[makers.get(name) ?? -1] ?? []) seen.add(read);
    return tensor !== on && seen.has(on);
  }

  /** Whether runs of a program have been gone back through so often that it is worth making better ones of it. */
  isOften({ key }: Program): boolean {
    return (this.uses.get(key) ?? 0) >= OFTEN - 1;
  }

  /** What a run of a program keeps for the backward pass besides what it gives: nothing before that has been gone often. */
  residuals({ key }: Program): readonly string[] {
    return this.kept.get(key)?.names ?? [];
  }

  /** The program that gives these, too. */
  withResiduals(program: Program): Program {
    const { names: extras, ahead } = this.kept.get(program.key)!;
    // Its weights are there in two forms: for the way there and back.
    if (ahead) return { ...program, extras, weights: 2 * program.weights, write: () => encodeWithOutputs(ahead) };
    const write = () => encodeWithOutputs(withOutputs(modelOf(program), extras));
    // What it gives is held until the pass has come back: each session would keep room for all of it.
    return { ...program, extras, arena: false, write };
  }

  private write(key: string, program: Program, request: Request): BackwardProgram {
    const { program: own, ...names } = made(key, program, this.kinds.of(forwardOf(program, request), request));
    // Simplifying takes ONNX Runtime twice as long as all else: what runs a few times is as fast without.
    return { ...names, program: { ...own, simplify: program.random && own.simplify !== false } };
  }

  /**
   * From now on runs of a program keep what a derivative of it computes again, which is written anew. Gives the derivative
   * for this run.
   */
  private often(key: string, program: Program, request: Request, used: Written, isShort: boolean): Written {
    if (program.isOften && this.goAhead(key, program, request)) return used;
    const { derivative, residuals } = fromResiduals(forwardOf(program, request), request, (model, asked) =>
      this.kinds.of(model, asked),
    );
    const known = this.residuals(program);
    const all = [...new Set([...known, ...residuals])];
    if (all.length > known.length) {
      remember(this.kept, program.key, { names: all, ahead: null });
      this.replace(key, program, request, all, derivative, isShort);
      return used;
    }
    if (!isShort || used.weights === 0) return this.simplified(program, used);
    this.store.drop(used.program.key);
    return { ...used, ...prepacked(used) };
  }

  /** A derivative whose model ONNX Runtime simplifies, if it does that of the program. */
  private simplified(program: Program, used: Written): Written {
    if (used.program.simplify !== false || program.simplify === false) return used;
    this.store.drop(used.program.key);
    const key = keyOf('simplified', used.program.key);
    return { ...used, program: { ...used.program, key, simplify: true } };
  }

  /** From now on runs of a program, which ends in a loss, go back at once. False where it does not. */
  private goAhead(key: string, program: Program, request: Request): boolean {
    const known = this.kept.has(program.key);
    const found = known || request.shares.length > 0 ? null : goneAhead(forwardOf(program, request), request);
    if (!found) return false;
    const { model, gradients, derivative } = found;
    remember(this.kept, program.key, { names: gradients, ahead: model });
    this.replace(key, program, request, gradients, derivative, false);
    return true;
  }

  /** The derivative that takes the place of another one where runs keep more. */
  private replace(
    key: string,
    program: Program,
    request: Request,
    kept: readonly string[],
    derivative: Backward,
    isShort: boolean,
  ): void {
    const next = requestKey(program, { ...request, given: new Set([...request.given, ...kept]) });
    const written = made(next, program, derivative);
    remember(this.written, next, { ...(isShort ? prepacked(written) : written), uses: 0, keeps: false });
    remember(this.outdated, next, key);
  }

  /** Where a derivative takes the place of another one, that one's session is not needed any more. */
  private dropOutdated(key: string): void {
    const outdated = this.outdated.get(key);
    if (outdated === undefined) return;
    this.outdated.delete(key);
    this.store.drop(outdated);
  }

  private knownOf(program: Program): Known {
    const known = this.known.get(program.key) ?? describe(program);
    remember(this.known, program.key, known);
    return known;
  }
}

/** What is asked of a derivative that serves all runs with equal sizes where this one has them. */
type Request = Omit<BackwardQuestion, 'dims'> & { readonly dims: ReadonlyMap<string, readonly Dim[]> };

function requestKey(program: Program, { seeds, wanted, replaced, given, shares, dims }: Request): string {
  const names = [...replaced];
  return keyOf(
    'backward',
    program.key,
    seeds,
    wanted,
    names,
    [...given],
    [...dims],
    shares.map(({ name }) => name),
  );
}

function forwardOf(program: Program, { shares }: Request): ModelProto {
  return withShares(modelOf(program), shares);
}

function made(key: string, program: Program, { model, ...names }: Backward): BackwardProgram {
  const weights = model.graph!.initializer.reduce((sum, tensor) => sum + bytesInFile(tensor), 0);
  return { program: programOf(key, program, model), weights, ...names };
}

/** The same with its weights in the form that kernels like best. */
function prepacked(written: BackwardProgram): BackwardProgram {
  const { program, weights } = written;
  const key = keyOf('prepacked', program.key);
  return { ...written, program: { ...program, key, prepack: true, simplify: true, weights } };
}

/** Whether products of matrices have few rows, yet more than one: all dimensions but the last count. */
function isShort({ dims }: BackwardQuestion): boolean {
  const rows = [...dims.values()].map((sizes) => sizes.slice(0, -1).reduce((count, size) => count * size, 1));
  const most = Math.max(0, ...rows);
  return most >= FEW.least && most <= FEW.most;
}

/** By itself, so that what the program keeps does not hold more. Weights stay as they are: prepacked, they would be in memory twice. */
function programOf(key: string, { kind, simplify = true }: Program, model: ModelProto): Program {
  return { key, kind, weights: 0, random: false, prepack: false, simplify, write: () => encodeWithOutputs(model) };
}

function describe(program: Program): Known {
  const { node, initializer, input } = modelOf(program).graph!;
  return {
    makers: new Map([
      ...initializer.map(({ name }) => [name, -1] as const),
      ...node.flatMap(({ output }, position) => output.map((name) => [name, position] as const)),
    ]),
    reads: node.map(readsOf),
    sizes: new Set(initializer.flatMap(({ dims }) => dims.map(Number))),
    lists: new Set(
      input.filter((one) => elementTypeOf(one) === elementType('int64') && !hasShape(one)).map(({ name }) => name),
    ),
  };
}

/** Puts an entry behind all others. If there are too many, the first one goes. */
function remember<T>(entries: Map<string, T>, key: string, value: T): void {
  entries.delete(key);
  entries.set(key, value);
  if (entries.size > KEPT) entries.delete(entries.keys().next().value!);
}

/** A model that also gives other tensors that it makes. */
function withOutputs(model: ModelProto, names: readonly string[]): ModelProto {
  const { graph } = model;
  return { ...model, graph: { ...graph!, output: [...graph!.output, ...names.map((name) => makeValueInfo(name))] } };
}
