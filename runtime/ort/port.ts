import type { OperandData } from '../graph/graph.ts';
import type { DType, Shape } from '../graph/types.ts';
import type { Raw } from '../tensor/storage.ts';

export type Device = 'cpu' | 'webgpu' | 'cuda';

/** The execution provider cannot be used here. */
export class DeviceError extends Error {
  override readonly name = 'DeviceError';

  get code(): string {
    return 'ONN2004';
  }
}

/** A tensor as sessions take and give it: it is passed from one to the next without conversion. */
export interface SessionTensor {
  readonly type: DType;
  readonly dims: readonly number[];
  readonly data: Raw;
}

export type SessionTensors = Readonly<Record<string, SessionTensor>>;

/** Where and how a session is made. */
export interface SessionConfig {
  readonly device: Device;
  /** The folder of the file that the weights stand in. */
  readonly folder: string;
  /** Whether weights are copied into the form that kernels like best: it doubles them, and makes runs faster. */
  readonly prepack?: boolean;
  /** Whether the session holds on to the memory of its runs, for the next one: unless it is false, or weights stay as they are. */
  readonly arena?: boolean;
  /** How many bytes of weights the session holds. */
  readonly weights?: number;
  /** How many bytes of weights the whole model has, of which it may run a part. */
  readonly modelBytes?: number;
  /** Whether the model is simplified before it is compiled. */
  readonly simplify?: boolean;
  /** Whether the session runs by itself, not in turns with others. */
  readonly alone?: boolean;
}

/** A compiled model. */
export interface Session {
  /** Runs the model and gives the outputs with these names. The data of the feeds stays where it is. */
  run(feeds: SessionTensors, outputs: readonly string[]): Promise<SessionTensors>;
  /** Frees the memory. No run may be in progress. */
  release(): Promise<void>;
}

/** A compiled model that answers at once: for small ones, which keep the program from nothing else. */
export interface SynchronousSession {
  run(feeds: SessionTensors, outputs: readonly string[]): SessionTensors;
  release(): void;
}

/** A thread with sessions of its own, which runs one task at a time. */
export interface SessionThread {
  createSession(model: Uint8Array, config: SessionConfig): Promise<Session>;
  /** Whether it has ended, by itself or not: it holds no sessions any more. */
  readonly hasEnded: boolean;
  /** Ends the thread when its tasks are done. */
  end(): void;
}

/** How a model is inspected without being run. */
export interface ExamineOptions {
  /** How far it is simplified: `basic` folds constants. */
  readonly optimization: 'disabled' | 'basic';
  /** The folder of the file that the weights stand in. */
  readonly folder?: string;
  /** The optimizers that must not run. */
  readonly without?: readonly string[];
  /** The file to write the simplified model to. */
  readonly writeTo?: string;
}

/** An output of a model as ONNX Runtime's own inference has it. The dtype is null if it has none here (strings, sequences). */
export interface OutputType {
  readonly name: string;
  readonly dtype: DType | null;
  readonly shape: Shape;
  /** The names of free sizes; null for a size that has none. */
  readonly symbols: readonly (string | null)[] | null;
}

/** ONNX Runtime, as far as this library needs it. */
export interface Ort {
  /** The best device that works here, or the requested one. Throws a DeviceError if that does not work. */
  chooseDevice(wanted: Device | 'auto'): Promise<Device>;
  /** Compiles a model. This blocks the event loop for as long as it takes. */
  createSession(model: Uint8Array, config: SessionConfig): Promise<Session>;
  /** Compiles a small model for the CPU. */
  createSynchronousSession(model: Uint8Array, threads: 1 | 'all'): SynchronousSession;
  startThread(): SessionThread;
  /** Loads a model without running it, and tells the types of its outputs. Rejects where ONNX Runtime refuses the model. */
  examine(model: Uint8Array, options: ExamineOptions): Promise<readonly OutputType[]>;
  /** Makes a tensor of data without copying it; of strings, too, which sessions take and give as any others. */
  tensor(
    dtype: DType | 'string',
    dims: readonly number[],
    data: OperandData['data'] | readonly string[],
  ): SessionTensor;
  /** A tensor that shares nothing with the original. */
  copy(tensor: SessionTensor): SessionTensor;
  /** Gives back the memory of a tensor that a session gave and that nobody holds any more. */
  free(tensor: SessionTensor): void;
  /** Whether two tensors hold the same bytes. */
  isSame(a: SessionTensor, b: SessionTensor): boolean;
}
