import type { DispatchKind } from '../partition/dispatch-kind.ts';
import type { Segmentation } from '../partition/segmentation.ts';

/** What became of one dispatch of a run; `backward`: of the backward pass through one, which has its name. */
export interface DispatchStats {
  /**
   * The layer, or what else it is: `the model with taps` for the session that blocks share which read and set no more than the ends
   * of layers, `the whole model (fused)` for a trace that is one session in another thread.
   */
  readonly name: string;
  readonly kind: DispatchKind | 'backward';
  /** Whether it ran, or gave what it gave earlier in the same scope on the same inputs. */
  readonly action: 'run' | 'reused';
  /** Milliseconds that compiling it took; null if it was compiled before. */
  readonly built: number | null;
  /** Milliseconds that running it took. */
  readonly ran: number;
}

/** Sessions that are kept, and the size of the model's weights in them in bytes: each has its own. */
export interface HeldSessions {
  readonly sessions: number;
  readonly weights: number;
}

/** What is kept for later runs. */
export interface Held extends HeldSessions {
  /** The bytes of the tensors that runs on the same inputs share. */
  readonly results: number;
}

/** What happened in one run of a model, or on the backward pass through all that ran before a loss. */
export interface RunStats {
  /** Where the model is cut: by its device, unless the environment variable ONNSIGHT_SEGMENTS says it. */
  readonly segmentation: Segmentation;
  /** Milliseconds that it took to find out what has to run; null if a run of this structure was planned before. */
  readonly planned: number | null;
  readonly dispatches: readonly DispatchStats[];
  /** The segments of the model that nothing saved depends on. */
  readonly skipped: readonly string[];
  /** What the model keeps compiled for later runs, of this block and others. */
  readonly held: Held;
  /** Milliseconds in all. */
  readonly total: number;
}
