import type { Dispatcher } from './dispatcher.ts';
import { FairTurns } from './fair-turns.ts';
import { Job, type JobRequest } from './job.ts';
import type { Limits } from './limits.ts';
import { RefusalError } from './refusal.ts';

/** How long an answer is kept, in milliseconds. */
const KEPT = 600_000;

/** How many jobs that have ended are known at most. */
const MOST = 10_000;

/** The jobs that wait or run, and those that have ended, for a while. */
export class Jobs {
  readonly #limits: Limits;
  readonly #jobs = new Map<string, Job>();
  /** How many of each user have not ended. */
  readonly #open = new Map<string, number>();
  /** Of each model and urgency, as long as there are jobs. */
  readonly #turns = new Map<string, FairTurns>();
  readonly #dispatcher: Dispatcher;
  /** In the order in which they ended. */
  readonly #ended = new Set<Job>();
  /** Bytes of answers that are kept. */
  #bytes = 0;

  constructor(limits: Limits, dispatcher: Dispatcher) {
    this.#limits = limits;
    this.#dispatcher = dispatcher;
  }

  /** The job of a request: that which has its id already, or a new one, which waits now. Throws a RefusalError for one too many. */
  open(request: JobRequest, body: Uint8Array): Job {
    const key = keyOf(request);
    const known = this.#jobs.get(key);
    if (known) {
      if (known.request.digest === request.digest && known.request.model === request.model) return known;
      throw new RefusalError(409, `The job ${request.id} is another trace. Choose another id.`);
    }
    const { user } = request;
    const { jobs, reconnect } = this.#limits;
    const before = this.#open.get(user) ?? 0;
    if (before >= jobs) {
      throw new RefusalError(
        429,
        `${before} jobs of yours wait or run already, and ${jobs} may at once. Try again later.`,
      );
    }
    const turns = this.#turnsOf(request);
    const turn = turns.next(user);
    const job = new Job(request, body, reconnect * 1000, turn);
    job.once('start', () => turns.started(turn));
    this.#know(job);
    try {
      this.#dispatcher.add(job);
    } catch (error) {
      this.#jobs.delete(key);
      this.#closed(user);
      throw error;
    }
    return job;
  }

  #know(job: Job): void {
    const { request } = job;
    const { user } = request;
    this.#jobs.set(keyOf(request), job);
    this.#open.set(user, (this.#open.get(user) ?? 0) + 1);
    const ended = () => {
      this.#closed(user);
      this.#keep(job);
    };
    if (job.outcome) ended();
    else job.once('end', ended);
  }

  #closed(user: string): void {
    const left = this.#open.get(user)! - 1;
    if (left > 0) this.#open.set(user, left);
    else this.#open.delete(user);
    if (this.#open.size === 0) this.#turns.clear();
  }

  #turnsOf({ model, urgency }: JobRequest): FairTurns {
    const key = JSON.stringify([model, urgency]);
    const turns = this.#turns.get(key) ?? new FairTurns();
    this.#turns.set(key, turns);
    return turns;
  }

  /** The user's job of an id. Throws a RefusalError if there is none. */
  async find(user: string, id: string): Promise<Job> {
    const known = () => this.#jobs.get(keyOf({ user, id }));
    const here = known();
    if (here) return here;
    const recalled = await this.#dispatcher.recall(user, id);
    const job = known() ?? recalled;
    if (recalled && job === recalled) this.#know(recalled);
    if (job) return job;
    throw new RefusalError(
      404,
      `There is no job ${id}, or it has ended so long ago that its answer is not kept any more.`,
    );
  }

  #keep(job: Job): void {
    this.#ended.add(job);
    this.#bytes += bytesOf(job);
    for (const one of this.#ended) {
      const isOld = one.ended < performance.now() - KEPT;
      if (!isOld && this.#bytes <= this.#limits.kept && this.#ended.size <= MOST) break;
      this.#ended.delete(one);
      this.#bytes -= bytesOf(one);
      this.#jobs.delete(keyOf(one.request));
    }
  }
}

function keyOf({ user, id }: Pick<JobRequest, 'user' | 'id'>): string {
  return JSON.stringify([user, id]);
}

function bytesOf({ outcome }: Job): number {
  return outcome && 'body' in outcome ? outcome.body.byteLength : 0;
}
