import { ModelError } from '../onnx/error.ts';
import { type Device, DeviceError } from '../ort/devices.ts';
import { type SessionPlace, sessionOptions } from '../ort/session.ts';
import { SessionWorker } from '../ort/session-worker.ts';
import type { Piece, Plan } from '../partition/plan.ts';
import type { Pieces, Runnable } from './run-plan.ts';

/** How often a block runs in pieces before it is fused. */
const OFTEN = 5;

/** How many blocks are fused at a time: each holds the model's weights once more. */
const KEPT = 2;

/** Of how many blocks is known when they ran. */
const WATCHED = 64;

/** A block that is one session. */
interface Block {
  readonly session: number;
  readonly plan: Plan;
  /** The run that used it last. */
  last: number;
}

/** Threads of engines that nobody holds any more. */
const forgotten = new FinalizationRegistry<SessionWorker>((worker) => worker.end());

/** Throws where fusing would do nothing: on WebGPU, and for a model that is never cut. */
export function checkFusing(device: Device, isCut: boolean): void {
  if (device === 'webgpu') {
    throw new DeviceError(
      "fuse works on cpu and cuda, and the model is on webgpu. Load it with { device: 'cpu' }, or without fuse.",
    );
  }
  if (!isCut) {
    throw new ModelError(
      'fuse would do nothing: the model runs as one session already, for no module repeats in it or ONNSIGHT_SEGMENTS is off. Load it without fuse.',
    );
  }
}

/**
 * Blocks that run often, each as one session in a thread of its own. The thread makes the session while the block goes on
 * in pieces. ONNX Runtime's sessions cannot change threads, so that the weights are in memory once more for each.
 */
export class Fused implements Pieces {
  readonly place: SessionPlace;
  private readonly blocks = new Map<string, Block>();
  /** When blocks that run in pieces ran, up to `OFTEN` times; those that ran last stand last. */
  private readonly watched = new Map<string, readonly number[]>();
  private readonly refused = new Set<string>();
  private worker: SessionWorker | null = null;
  private sessions = 0;
  private runs = 0;
  private isCreating = false;

  constructor(place: SessionPlace) {
    this.place = place;
  }

  /**
   * Runs a block in its session, if there is one, else in pieces. What fails in the session runs in pieces again, which
   * tell what is wrong in the user's terms.
   */
  async run<T>(
    key: string,
    whole: () => Plan,
    run: (plan: Plan, pieces: Pieces) => Promise<T>,
    inPieces: () => Promise<T>,
  ): Promise<T> {
    this.runs++;
    const block = this.blocks.get(key);
    if (block) block.last = this.runs;
    // A thread that creates a session would keep the run waiting.
    if (block && !this.isCreating) {
      try {
        return await run(block.plan, this);
      } catch {
        const result = await inPieces();
        this.refuse(key);
        return result;
      }
    }
    const result = await inPieces();
    this.watch(key, whole);
    return result;
  }

  use<T>({ key }: Piece, run: (session: Runnable) => Promise<T>): Promise<T> {
    const { session } = this.blocks.get(key)!;
    return run({ run: (feeds, names) => this.worker!.run(session, feeds, names) });
  }

  private watch(key: string, whole: () => Plan): void {
    if (this.blocks.has(key) || this.refused.has(key)) return;
    const times = [...(this.watched.get(key) ?? []), this.runs].slice(-OFTEN);
    this.watched.delete(key);
    this.watched.set(key, times);
    if (this.watched.size > WATCHED) this.watched.delete(this.watched.keys().next().value!);
    if (this.isCreating || times.length < OFTEN) return;
    if (this.blocks.size === KEPT) {
      const [oldest, { last }] = [...this.blocks].reduce((a, b) => (a[1].last < b[1].last ? a : b));
      // Blocks that take turns would only push each other out.
      if (last > times[0]!) return;
      this.drop(oldest);
    }
    this.watched.delete(key);
    void this.fuse(key, whole);
  }

  private async fuse(key: string, whole: () => Plan): Promise<void> {
    this.isCreating = true;
    const session = this.sessions++;
    try {
      // Writing the model takes as long as a segment: the event loop has its turn before.
      await new Promise(setImmediate);
      const plan = whole();
      const step = plan.steps[0]!;
      // A new session would draw the same numbers again.
      if (step.piece.random) {
        this.refused.add(key);
        return;
      }
      this.worker ??= this.start();
      await this.worker.create(session, step.piece.write(), sessionOptions({ ...this.place, alone: true }));
      const steps = [{ ...step, label: `${step.label} (fused)` }];
      this.blocks.set(key, { session, plan: { ...plan, steps }, last: this.runs });
    } catch {
      this.refused.add(key);
    } finally {
      this.isCreating = false;
    }
  }

  private start(): SessionWorker {
    const worker = new SessionWorker();
    forgotten.register(this, worker);
    return worker;
  }

  private refuse(key: string): void {
    this.drop(key);
    this.refused.add(key);
  }

  private drop(key: string): void {
    const block = this.blocks.get(key);
    this.blocks.delete(key);
    // A thread that has ended holds nothing.
    if (block) this.worker!.release(block.session).catch(() => {});
  }
}
