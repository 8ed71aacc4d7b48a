import type { DispatchKind } from '../partition/plan.ts';

/** What became of one dispatch of a run; `backward`: of the way back through one, which has its name. */
export interface DispatchStats {
  /** The layer, or what else it is: `the whole model (fused)` for a trace that is one session in another thread. */
  readonly name: string;
  readonly kind: DispatchKind | 'backward';
  /** Whether it ran, or gave what it gave earlier in the same scope on the same inputs. */
  readonly action: 'run' | 'reused';
  /** Milliseconds that compiling it took; null if it was compiled before. */
  readonly built: number | null;
  /** Milliseconds that running it took. */
  readonly ran: number;
}

/** What happened in one run of a model, or on the way back through all that ran before a loss. */
export interface RunStats {
  /** Milliseconds that it took to find out what has to run; null if a run of this structure was planned before. */
  readonly planned: number | null;
  readonly dispatches: readonly DispatchStats[];
  /** The segments of the model that nothing saved depends on. */
  readonly skipped: readonly string[];
  /** Milliseconds in all. */
  readonly total: number;
}
