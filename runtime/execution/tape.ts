import type { InterventionGraph } from '../graph/graph.ts';
import type { NodeOf, Value } from '../graph/types.ts';
import type { Locate } from '../lowering/address.ts';
import type { OnnxModel } from '../onnx/model.ts';
import type { SessionTensor } from '../ort/port.ts';
import type { Plan } from '../partition/plan.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { BackwardPrograms } from './backward-programs.ts';
import type { ProgramRunner } from './program-runner.ts';
import type { RunStats } from './stats.ts';

/** What a run of an engine leaves behind where a backward pass may come: its plan, and all that it computed. */
export interface Trail {
  readonly plan: Plan;
  /** The graph that was run. */
  readonly graph: InterventionGraph;
  readonly registers: readonly (SessionTensor | undefined)[];
  /** Of these the tensors that nobody else holds. */
  readonly own: readonly SessionTensor[];
}

/** What a backward pass needs of the engine that ran. */
interface TapedEngine extends Pick<RunStats, 'segmentation' | 'held'> {
  readonly model: OnnxModel;
  readonly locate: Locate;
  readonly programs: ProgramRunner;
  readonly backwardPrograms: BackwardPrograms;
}

/** A function of the user that was called, with what it was given. */
export interface TapedCall {
  readonly kind: 'call';
  readonly node: NodeOf<'apply'>;
  /** What it gave. */
  readonly value: Value;
  readonly inputs: readonly Value[];
  readonly tensors: readonly Tensor[];
  /** Its derivative; null where the user gave none. */
  readonly backward: BackwardFunction | null;
  /** Whether it is itself the derivative of a function of the user. */
  readonly isDerivative: boolean;
}

/** What a backward pass made of gradients by itself: their sum, a copy of one, or a matrix transposed. */
export interface TapedSum {
  readonly kind: 'sum';
  readonly value: Value;
  readonly inputs: readonly Value[];
  readonly isTransposed: boolean;
}

/**
 * The derivative of a function given to apply: of the gradient by what it gave, and of the tensors that it was given, the
 * gradients by these; undefined for those that have none.
 */
export type BackwardFunction = (gradient: Tensor, ...tensors: Tensor[]) => unknown;

/** A run on the tape, with what its saves and operands are in the graph that is executed. */
export interface TapedRun extends Trail {
  readonly kind: 'run';
  readonly engine: TapedEngine;
  /** The values that it saved, in order. */
  readonly saves: readonly Value[];
  /** The values that its operands stand for, in order; null for those that stand for none. */
  readonly operands: readonly (Value | null)[];
  /** The values that the model's inputs were given, by their names, where it was called in the middle of another one. */
  readonly inputs: ReadonlyMap<string, Value>;
}

/** What ran in an execution, in order: a backward pass goes through it the other way. */
export type Tape = (TapedRun | TapedCall | TapedSum)[];
