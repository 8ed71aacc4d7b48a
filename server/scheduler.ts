import type { Dispatcher } from './dispatcher.ts';
import type { Job } from './job.ts';
import type { Limits } from './limits.ts';
import type { Opening } from './messages.ts';
import type { Metrics } from './metrics.ts';
import { ModelProcess, type Outcome } from './model-process.ts';
import { CANCELLED, type Refusal, RefusalError } from './refusal.ts';
import type { ServedModel } from './served-model.ts';
import { UsageError } from './usage-error.ts';

const CLOSING: Refusal = { status: 503, error: 'The server is being shut down. Try again later.' };

/** How many jobs go to a process at once at most, and for how long they may keep it from others by what the last ones took, in milliseconds. */
const MOST_AT_ONCE = 32;
const TIME_AT_ONCE = 50;

/** How long a process gets further jobs behind those that it has, before what it holds is looked at, in milliseconds. */
const LONGEST = 1000;

/** The bytes of a request that goes with others. */
const SMALL = 2 ** 16;

/** A model with its process, if it has one, and the jobs that wait for it. */
interface Lane {
  readonly model: ServedModel;
  readonly waiting: Job[];
  process: ModelProcess | null;
  isBusy: boolean;
  /** How long one of its last jobs took, in milliseconds. */
  pace: number;
  /** When its last job ended. */
  used: number;
}

/** Gives jobs to the processes of models: one after the other to each, and no more models in memory than the limit. */
export class Scheduler implements Dispatcher {
  readonly #opening: Opening;
  readonly #limits: Limits;
  readonly #metrics: Metrics | null;
  readonly #lanes: ReadonlyMap<string, Lane>;
  /** Jobs that were in a process with others when it ended: to tell whether one of them ends it, each runs alone. */
  readonly #alone = new WeakSet<Job>();
  #bytes = 0;
  #isClosed = false;

  constructor(models: readonly ServedModel[], opening: Opening, metrics: Metrics | null) {
    this.#opening = opening;
    this.#limits = opening.limits;
    this.#metrics = metrics;
    this.#lanes = new Map(
      models.map(
        (model) =>
          [
            model.name,
            { model, waiting: [], process: null, isBusy: false, pace: Number.POSITIVE_INFINITY, used: 0 },
          ] as const,
      ),
    );
  }

  /** Opens models before the first jobs come, as many as may be in memory. Throws a UsageError if one cannot be opened. */
  async warmUp(): Promise<void> {
    for (const lane of [...this.#lanes.values()].slice(0, this.#limits.models)) {
      const refusal = await this.#open(lane);
      if (refusal) throw new UsageError(`${lane.model.name} cannot be opened: ${refusal.refusal.error}`);
    }
  }

  /** Adds a job. Throws a RefusalError if too many wait already. */
  add(job: Job): void {
    const lane = this.#lanes.get(job.request.model)!;
    const { waiting, kept } = this.#limits;
    const { byteLength } = job.body;
    if (lane.waiting.length >= waiting || this.#bytes + byteLength > kept) {
      throw new RefusalError(
        503,
        `${lane.waiting.length} traces wait for ${lane.model.name} already. Try again later.`,
      );
    }
    this.#bytes += byteLength;
    job.once('end', () => {
      this.#bytes -= byteLength;
      // One that is cancelled waits no longer.
      const place = lane.waiting.indexOf(job);
      if (place !== -1) lane.waiting.splice(place, 1);
      this.#metrics?.ended(job);
    });
    const behind = lane.waiting.findIndex(({ rank }) => rank > job.rank);
    lane.waiting.splice(behind === -1 ? lane.waiting.length : behind, 0, job);
    this.#next();
    this.#metrics?.waiting(lane.model.name, lane.waiting.length);
  }

  /** How many jobs wait for each model. */
  get lengths(): ReadonlyMap<string, number> {
    return new Map([...this.#lanes].map(([name, { waiting }]) => [name, waiting.length]));
  }

  /** Jobs are in this process alone. */
  async recall(): Promise<null> {
    return null;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { process, waiting } of this.#lanes.values()) {
      process?.end();
      for (const job of [...waiting]) job.end({ refusal: CLOSING });
    }
  }

  /** Starts what can start: of several models that whose job has waited longest. */
  #next(): void {
    const lanes = [...this.#lanes.values()];
    const ready = lanes
      .filter(({ isBusy, waiting }) => !isBusy && waiting.length > 0)
      .sort((a, b) => a.waiting[0]!.created - b.waiting[0]!.created);
    for (const lane of ready) if (!this.#isClosed && this.#makeRoom(lane)) this.#run(lane);
  }

  /** Whether the model is in memory, or there is room for it now. */
  #makeRoom(lane: Lane): boolean {
    if (lane.process) return true;
    const others = [...this.#lanes.values()].filter((one) => one !== lane && (one.process || one.isBusy));
    if (others.length < this.#limits.models) return true;
    const [idle] = others.filter(({ isBusy }) => !isBusy).sort((a, b) => a.used - b.used);
    if (!idle) return false;
    idle.process!.end();
    idle.process = null;
    return true;
  }

  async #run(lane: Lane): Promise<void> {
    const jobs = this.#takeJobs(lane);
    this.#metrics?.waiting(lane.model.name, lane.waiting.length);
    lane.isBusy = true;
    for (const job of jobs) job.start();
    const end = (job: Job, outcome: Outcome) =>
      job.end(this.#isClosed && 'refusal' in outcome ? { refusal: CLOSING } : outcome);
    const failed = await this.#open(lane);
    if (failed) for (const job of jobs) end(job, failed);
    for (const job of jobs) if (job.isCancelled) end(job, { refusal: CANCELLED });
    const open = jobs.filter(({ outcome }) => !outcome);
    if (open.length > 0) {
      const begun = performance.now();
      let count = open.length;
      const more = (most: number) => {
        if (this.#isClosed || performance.now() - begun > LONGEST || this.#othersWait(lane)) return [];
        const added = lane.waiting.splice(0, Math.min(most, this.#smallOf(lane.waiting)));
        for (const job of added) job.start();
        count += added.length;
        return added;
      };
      const left = await lane.process!.run(open, end, more);
      lane.pace = (performance.now() - begun) / count;
      for (const job of left) this.#alone.add(job);
      // Those whose turn it was are the first again.
      if (this.#isClosed) for (const job of left) end(job, { refusal: CLOSING });
      else lane.waiting.unshift(...left);
    }
    lane.isBusy = false;
    lane.used = performance.now();
    this.#metrics?.memory(lane.model.name, lane.process?.memory ?? 0);
    if (lane.process?.isSpent) {
      lane.process.end();
      lane.process = null;
      this.#metrics?.replaced(lane.model.name);
    }
    this.#next();
  }

  /** The jobs whose turn it is: several, where they take so little time that handing them over one by one would take more. */
  #takeJobs({ waiting, pace }: Lane): readonly Job[] {
    const most = Math.max(1, Math.min(MOST_AT_ONCE, Math.floor(TIME_AT_ONCE / pace)));
    return waiting.splice(0, Math.max(1, Math.min(most, this.#smallOf(waiting))));
  }

  /** How many of the first jobs may go with others. */
  #smallOf(waiting: readonly Job[]): number {
    const other = waiting.findIndex((job) => !isSmall(job) || this.#alone.has(job));
    return other === -1 ? waiting.length : other;
  }

  /** Whether jobs wait for a model that is not in memory. */
  #othersWait(lane: Lane): boolean {
    return [...this.#lanes.values()].some((one) => one !== lane && !one.process && one.waiting.length > 0);
  }

  /** Opens the model of a lane, unless it is open. */
  async #open(lane: Lane): Promise<{ readonly refusal: Refusal } | null> {
    if (lane.process && !lane.process.isSpent) return null;
    const others = [...this.#lanes.values()].flatMap((one) => (one === lane ? [] : [one.model]));
    const started = await ModelProcess.start(lane.model, others, this.#opening);
    if (!(started instanceof ModelProcess)) return { refusal: { ...started, status: 500 } };
    lane.process = started;
    if (this.#isClosed) started.end();
    return null;
  }
}

function isSmall({ body, request: { form, isWatched } }: Job): boolean {
  return form === 'bytes' && !isWatched && body.byteLength <= SMALL;
}
