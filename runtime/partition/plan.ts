import { decodeWithOutputs } from '../onnx/kept-outputs.ts';
import type { ModelProto } from '../onnx/proto.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { DispatchKind, ProgramKind } from './dispatch-kind.ts';

/** A model that is compiled to one session. */
export interface Program {
  /** Programs with equal keys share a session. */
  readonly key: string;
  readonly kind: ProgramKind;
  /** The size of its weights in bytes. */
  readonly weights: number;
  /** Whether it may give other results when it runs again. */
  readonly random: boolean;
  /** Whether weights are copied into the form that kernels like best: unless it is false, for what rarely runs. */
  readonly prepack?: boolean;
  /** Whether it computes each row, a vector along the last dimension, from the same row of its inputs. */
  readonly rowWise?: boolean;
  /** What it gives besides what its key tells: a session that gives more serves those that ask for less, too. */
  readonly extras?: readonly string[];
  /** Whether its session keeps room for what it computes: unless it is false. */
  readonly arena?: boolean;
  /** Whether it was made of programs that have gone back often. */
  readonly isOften?: boolean;
  /** Whether ONNX Runtime simplifies the model: unless it is false. */
  readonly simplify?: boolean;
  /** The model in ONNX's format. */
  write(): Uint8Array;
  /** The model before it is written, where that is at hand. */
  model?(): ModelProto;
}

/** The model of a program, to be looked at: its nodes may be those of other models. */
export function modelOf(program: Program): ModelProto {
  return program.model?.() ?? decodeWithOutputs(program.write());
}

/** Where compiled programs are kept, as far as planning needs to know. */
export interface ProgramStore {
  has(key: string): boolean;
  /** Milliseconds that compiling a program took; null if it is not there. */
  creation(key: string): number | null;
  /** Lets go of a program that will not be used again. */
  drop(key: string): void;
}

/** A tensor that enters or leaves a program: its name there, and the register where the run keeps it. */
export interface Port {
  readonly name: string;
  readonly register: number;
}

/** One run of a program. */
export interface Dispatch {
  readonly program: Program;
  readonly kind: DispatchKind;
  /** What to call it. */
  readonly label: string;
  readonly feeds: readonly Port[];
  readonly fetches: readonly Port[];
  /** The registers that are not needed after this dispatch. */
  readonly drops: readonly number[];
  /** The positions, in the root of the intervention graph, of the nodes that are written into the program. */
  readonly nodes: readonly number[];
}

/** How a graph is run: which programs run, in which order, and what goes from one to the next. */
export interface Plan {
  /** How many registers the run has. */
  readonly registers: number;
  /** The model's inputs that are needed. */
  readonly inputs: readonly Port[];
  /** The operands that are needed: their positions among the graph's operands. */
  readonly operands: readonly { readonly position: number; readonly register: number }[];
  readonly dispatches: readonly Dispatch[];
  /** The register of each save, in order. */
  readonly saves: readonly number[];
  /** The segments of the model that need not run. */
  readonly skipped: readonly string[];
  /** The tensors that the model was to be cut at. */
  readonly cuts: readonly string[];
  /** What inputs are fed that the run does not give: taps that are to change nothing. */
  readonly idle?: ReadonlyMap<string, Tensor>;
}
