import { ModelError } from '../onnx/error.ts';
import { ort } from '../ort/ort.ts';
import { type Device, DeviceError, type Session, type SessionConfig, type SessionThread } from '../ort/port.ts';
import type { Plan } from '../partition/plan.ts';
import type { ProgramRunner } from './program-runner.ts';

/** How often a trace runs in segments before it is fused. */
const OFTEN = 5;

/** How many traces are fused at a time: each holds the model's weights once more. */
const KEPT = 2;

/** Of how many traces it is known when they ran. */
const WATCHED = 64;

/** A trace that is one session. */
interface FusedTrace {
  readonly session: Session;
  readonly plan: Plan;
  /** The run that used it last. */
  last: number;
}

/** Threads of engines that are no longer referenced. */
const forgotten = new FinalizationRegistry<SessionThread>((thread) => thread.end());

/** Throws where fusing would do nothing: on WebGPU, and for a model that is never cut. */
export function checkFusing(device: Device, isCut: boolean): void {
  if (device === 'webgpu') {
    throw new DeviceError(
      "fuse works on cpu and cuda, and the model is on webgpu. Load it with { device: 'cpu' }, or without fuse.",
    );
  }
  if (!isCut) {
    throw new ModelError(
      'fuse would do nothing: the model runs as one session already, for no module repeats in it or ONNSIGHT_SEGMENTS is off or blocks. Load it without fuse.',
    );
  }
}

/**
 * Traces that run often, each as one session in a thread of its own. The thread makes the session while the trace goes on
 * in segments. ONNX Runtime's sessions cannot change threads, so that the weights are in memory once more for each.
 */
export class Fused {
  private readonly config: SessionConfig;
  private readonly traces = new Map<string, FusedTrace>();
  /** When traces that run in segments ran, up to `OFTEN` times; those that ran last stand last. */
  private readonly watched = new Map<string, readonly number[]>();
  private readonly refused = new Set<string>();
  /** Traces that waited for a thread when it ended. */
  private readonly lost = new Set<string>();
  private thread: SessionThread | null = null;
  private runs = 0;
  private isCreating = false;

  constructor(config: SessionConfig) {
    this.config = config;
  }

  /**
   * Runs a trace in its session, if there is one, else in segments. What fails in the session runs in segments again, which
   * tell what is wrong in the user's terms.
   */
  async run<T>(
    key: string,
    whole: () => Plan,
    run: (plan: Plan, programs: ProgramRunner) => Promise<T>,
    inSegments: () => Promise<T>,
  ): Promise<T> {
    this.runs++;
    this.forgetThread();
    const trace = this.traces.get(key);
    if (trace) trace.last = this.runs;
    // A thread that creates a session would keep the run waiting.
    if (trace && !this.isCreating) {
      try {
        return await run(trace.plan, { run: (_, feeds, outputs) => trace.session.run(feeds, outputs) });
      } catch {
        const result = await inSegments();
        this.fail(key);
        return result;
      }
    }
    const result = await inSegments();
    this.watch(key, whole);
    return result;
  }

  /** Ends the thread, and the sessions in it. */
  release(): void {
    this.traces.clear();
    this.thread?.end();
    this.thread = null;
  }

  private watch(key: string, whole: () => Plan): void {
    if (this.traces.has(key) || this.refused.has(key)) return;
    const times = [...(this.watched.get(key) ?? []), this.runs].slice(-OFTEN);
    this.watched.delete(key);
    this.watched.set(key, times);
    if (this.watched.size > WATCHED) this.watched.delete(this.watched.keys().next().value!);
    if (this.isCreating || times.length < OFTEN) return;
    if (this.traces.size === KEPT) {
      const [oldest, { last }] = [...this.traces].reduce((a, b) => (a[1].last < b[1].last ? a : b));
      // Traces that take turns would only push each other out.
      if (last > times[0]!) return;
      this.drop(oldest);
    }
    this.watched.delete(key);
    void this.fuse(key, whole);
  }

  private async fuse(key: string, whole: () => Plan): Promise<void> {
    this.isCreating = true;
    try {
      // Writing the model takes as long as a segment: the event loop has its turn before.
      await new Promise(setImmediate);
      const plan = whole();
      const dispatch = plan.dispatches[0]!;
      // A new session would draw the same numbers again.
      if (dispatch.program.random) {
        this.refused.add(key);
        return;
      }
      this.thread ??= this.start();
      const session = await this.thread.createSession(dispatch.program.write(), { ...this.config, alone: true });
      const dispatches = [{ ...dispatch, label: `${dispatch.label} (fused)` }];
      this.traces.set(key, { session, plan: { ...plan, dispatches }, last: this.runs });
    } catch {
      this.fail(key);
    } finally {
      this.isCreating = false;
    }
  }

  /** A thread that has ended took its sessions along: traces are fused anew, in another one. */
  private forgetThread(): void {
    if (!this.thread?.hasEnded) return;
    process.emitWarning(
      'The thread of the fused blocks has ended. They run in segments until they are fused anew, in another thread.',
      'FuseWarning',
    );
    this.thread = null;
    this.traces.clear();
  }

  private start(): SessionThread {
    const thread = ort.startThread();
    forgotten.register(this, thread);
    return thread;
  }

  /** A trace that fails is fused no more. It may be what has ended its thread: then it is tried once again, and no oftener. */
  private fail(key: string): void {
    if (this.thread?.hasEnded && !this.lost.has(key)) {
      this.lost.add(key);
      return;
    }
    this.drop(key);
    this.refused.add(key);
  }

  private drop(key: string): void {
    const trace = this.traces.get(key);
    this.traces.delete(key);
    // A thread that has ended holds nothing.
    trace?.session.release().catch(() => {});
  }
}
