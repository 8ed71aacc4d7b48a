import { type Backward, backward, gradientName, seedName } from '../gradients/backward.ts';
import type { Dim } from '../gradients/facts.ts';
import { type Share, withShares } from '../gradients/shares.ts';
import { keyOf } from '../graph/key.ts';
import { decodeModel, encodeModel, type ModelProto } from '../onnx/proto.ts';
import type { Program } from '../partition/plan.ts';

/** How many derivatives of programs are kept; the one used least recently goes first. */
const KEPT = 256;

/** How often a derivative runs before its weights are prepacked, which makes its session slow to create and large. */
const OFTEN = 5;

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
  /** The sizes of the inputs as classes: equal sizes have one name, and 1 is 1. */
  readonly dims: ReadonlyMap<string, readonly Dim[]>;
}

/** The derivative of a program, and under which names it is fed and what it gives. */
export interface BackwardProgram extends Pick<Backward, 'inputs' | 'seeds' | 'outputs'> {
  readonly program: Program;
}

export { gradientName, seedName };

/** The derivatives of the programs of one engine, each written once. */
export class BackwardPrograms {
  private readonly written = new Map<string, BackwardProgram & { readonly uses: number }>();
  private readonly makers = new Map<string, ReadonlyMap<string, number>>();

  /** Throws a GradientError where a node on the way has no derivative. */
  of(program: Program, question: BackwardQuestion): BackwardProgram {
    const key = questionKey(program, question);
    const known = this.written.get(key) ?? { ...write(key, program, question), uses: 0 };
    // What runs often gets weights in the form that kernels like best, at the price of another session.
    const isOften = known.uses === OFTEN;
    const used = { ...known, uses: known.uses + 1, ...(isOften && { program: prepacked(known.program) }) };
    this.written.delete(key);
    this.written.set(key, used);
    if (this.written.size > KEPT) this.written.delete(this.written.keys().next().value!);
    return used;
  }

  /**
   * Where in a program a tensor is made: the position of the node, -1 for a weight; undefined where there is no such tensor.
   */
  maker(program: Program, tensor: string): number | undefined {
    let makers = this.makers.get(program.key);
    if (!makers) {
      const { node, initializer } = decodeModel(program.write()).graph!;
      makers = new Map([
        ...initializer.map(({ name }) => [name, -1] as const),
        ...node.flatMap(({ output }, position) => output.map((name) => [name, position] as const)),
      ]);
      this.makers.set(program.key, makers);
      if (this.makers.size > KEPT) this.makers.delete(this.makers.keys().next().value!);
    }
    return makers.get(tensor);
  }
}

function questionKey(program: Program, { seeds, wanted, replaced, given, shares, dims }: BackwardQuestion): string {
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

function write(key: string, program: Program, question: BackwardQuestion): BackwardProgram {
  const forward = withShares(decodeModel(program.write()), question.shares);
  const { model, inputs, seeds, outputs } = backward(forward, question);
  return { program: programOf(key, program, model), inputs, seeds, outputs };
}

/** By itself, so that what the program keeps does not hold more. */
function programOf(key: string, { kind }: Program, model: ModelProto): Program {
  return { key, kind, weights: 0, random: false, prepack: false, write: () => encodeModel(model) };
}

function prepacked({ write: bytes, ...program }: Program): Program {
  return { ...program, key: keyOf('prepacked', program.key), prepack: true, write: bytes };
}
