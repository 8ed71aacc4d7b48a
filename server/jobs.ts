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
  /** In the order in which they ended. */
  readonly #ended = new Set<Job>();
  /** Bytes of answers that are kept. */
  #bytes = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** The job of a request: that which has its id already, or a new one, which `enqueue` takes. */
  open(request: JobRequest, body: Uint8Array, enqueue: (job: Job) => void): Job {
    const key = keyOf(request);
    const known = this.#jobs.get(key);
    if (known) {
      if (known.request.digest === request.digest && known.request.model === request.model) return known;
      throw new RefusalError(409, `The job ${request.id} is another trace. Choose another id.`);
    }
    const job = new Job(request, body, this.#limits.reconnect * 1000);
    enqueue(job);
    this.#jobs.set(key, job);
    job.once('end', () => this.#keep(job));
    return job;
  }

  /** The user's job of an id. Throws a RefusalError if there is none. */
  find(user: string, id: string): Job {
    const job = this.#jobs.get(keyOf({ user, id }));
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
