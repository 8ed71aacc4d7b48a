import type { ReuseScope } from '../execution/reuse.ts';
import type { RunStats } from '../execution/stats.ts';
import type { InterventionGraph } from '../graph/graph.ts';
import type { InputTensor } from '../tensor/string-tensor.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Course } from './course.ts';

/** The file of a model, as backends may know it. */
export interface ModelSource {
  readonly path: string;
  /** Of its graph and weights: worked out when it is read. */
  readonly hash: string;
}

/** A trace that is ready to run. */
export interface TraceRequest {
  /** The interventions: print them, or send them with `graphToJson`. */
  readonly graph: InterventionGraph;
  /** How the graph's forwards follow one another; null if it is one forward of one model. */
  readonly course: () => Course | null;
  /** The model's inputs, by name: those of the first forward. */
  readonly inputs: Readonly<Record<string, InputTensor>>;
  readonly model: ModelSource;
  /** Ends the run, where the backend can: its reason is what the trace is rejected with. */
  readonly signal?: AbortSignal | undefined;
  /** Told how many segments and interventions of the run have ended, and how many there are. It is awaited. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  /** Told each token of a generation as it comes. It is awaited. */
  readonly onToken?: ((token: NewToken) => void) | undefined;
  /** Told what was run and how long it took, if the user asks for it. */
  readonly onStats?: ((stats: RunStats) => void) | undefined;
  /** What it shares results with, if the user asks for it. */
  readonly reuse?: ReuseScope | false | undefined;
  /** Runs it here: the tensors of `graph.saves`, in order. */
  execute(): Promise<(Tensor | undefined)[]>;
}

/** A token of a generation as it comes, before it is text. */
export interface NewToken {
  readonly id: number;
  /** The prompt that it continues. */
  readonly row: number;
  /** Counted from 0. */
  readonly step: number;
  /** Of the generations of a session which one; not there where it is the only one. */
  readonly generation?: number;
}

/** Runs traces. Write one to send graphs elsewhere, to log or to limit them. */
export interface Backend {
  /** The tensors of `graph.saves`, in order; undefined for those that were not computed. */
  run(request: TraceRequest): Promise<readonly (Tensor | undefined)[]>;
}

/** A request that was read and validated: look at it, limit it, refuse it, or execute it. */
export interface ReceivedRequest {
  readonly model: string;
  readonly graph: InterventionGraph;
  readonly inputs: ReadonlyMap<string, Tensor>;
  readonly course: Course | null;
}
