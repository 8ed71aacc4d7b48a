import { randomBytes } from 'node:crypto';
import type { Queue, Job as QueuedJob, QueueEvents } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Dispatcher } from '../dispatcher.ts';
import { Job, type JobRequest } from '../job.ts';
import type { Limits } from '../limits.ts';
import type { Told } from '../messages.ts';
import type { Metrics } from '../metrics.ts';
import { CANCELLED, type Refusal } from '../refusal.ts';
import type { ServedModel } from '../served-model.ts';
import type { AnswerStore } from './answers.ts';
import {
  anotherConnection,
  CANCELS,
  cancelKey,
  connect,
  KEPT,
  type QueuePackages,
  queueId,
  queueName,
  toldKey,
} from './redis.ts';
import { type Stored, type StoredOutcome, storeBytes, storedBytes } from './stored.ts';

/** How often jobs are looked at whose end was not heard of, in milliseconds: Redis may have been away when they ended. */
const LOOKS = 2000;

/** Where the secret of a fleet is. */
const SECRET = 'onnsight:secret';

/** How long the store keeps what nobody has fetched, in milliseconds, and how often it is looked through. */
const SWEPT = 3_600_000;

/** What is in the queue of a job. */
export interface QueuedData {
  readonly request: JobRequest;
  readonly body: Stored;
}

type Queued = QueuedJob<QueuedData, StoredOutcome>;

const GIVEN_UP: Refusal = {
  status: 500,
  error: 'It has ended two workers while it ran, and is not tried again. Ask for less: memory, or time.',
};
const GONE: Refusal = {
  status: 500,
  error:
    'Its answer is not in the store of this server any more. Run it again; the workers and the server have to see one store (--store).',
};
const CLOSING: Refusal = { status: 503, error: 'The server is being shut down. Try again later.' };

/** A model with the queue of its jobs. */
interface Lane {
  readonly model: ServedModel;
  readonly queue: Queue<QueuedData, StoredOutcome>;
  readonly events: QueueEvents;
  /** The jobs of this process that have not ended, by their ids in the queue. */
  readonly open: Map<string, Job>;
}

export interface QueueOptions {
  readonly url: string;
  readonly store: AnswerStore;
}

/** Gives jobs to workers by queues in Redis, one for each model. */
export class QueueDispatcher implements Dispatcher {
  readonly #models: readonly ServedModel[];
  readonly #limits: Limits;
  readonly #metrics: Metrics;
  readonly #options: QueueOptions;
  readonly #packages: QueuePackages;
  readonly #lanes = new Map<string, Lane>();
  /** How many tokens and texts of each job were told on. */
  readonly #told = new WeakMap<Job, number>();
  /** What tells them on, one after the other. */
  readonly #telling = new WeakMap<Job, Promise<void>>();
  #redis!: Redis;
  #looking: NodeJS.Timeout | undefined;
  #sweeping: NodeJS.Timeout | undefined;

  constructor(
    models: readonly ServedModel[],
    limits: Limits,
    metrics: Metrics,
    options: QueueOptions,
    packages: QueuePackages,
  ) {
    this.#models = models;
    this.#limits = limits;
    this.#metrics = metrics;
    this.#options = options;
    this.#packages = packages;
  }

  async warmUp(): Promise<void> {
    const { url } = this.#options;
    this.#redis = await connect(url, this.#packages);
    for (const model of this.#models) {
      const name = queueName(model.hash);
      const { Queue, QueueEvents } = this.#packages;
      const queue: Lane['queue'] = new Queue(name, { connection: this.#redis });
      const events = new QueueEvents(name, { connection: anotherConnection(this.#redis) });
      const lane: Lane = { model, queue, events, open: new Map() };
      this.#lanes.set(model.name, lane);
      // Connections are made again by themselves; meanwhile the log need not be full of it.
      queue.on('error', () => {});
      events.on('error', () => {});
      events.on('active', ({ jobId }) => lane.open.get(jobId)?.start());
      // What Redis does not answer now is looked at again soon.
      const later = (one: Promise<void>) => void one.catch(() => {});
      events.on('progress', ({ jobId, data }) => later(this.#progress(lane, jobId, data)));
      events.on('completed', ({ jobId }) => later(this.#look(lane, jobId)));
      events.on('failed', ({ jobId }) => later(this.#look(lane, jobId)));
      await events.waitUntilReady();
    }
    this.#looking = setInterval(() => this.#lookAtAll(), LOOKS);
    const sweep = () => this.#options.store.sweep(SWEPT).catch(() => {});
    this.#sweeping = setInterval(sweep, SWEPT);
  }

  add(job: Job): void {
    const lane = this.#lanes.get(job.request.model)!;
    this.#follow(lane, job);
    this.#enqueue(lane, job).catch((error: Error) => {
      job.end({ refusal: { status: 503, error: `The queue does not take it: ${error.message}` } });
    });
  }

  async recall(user: string, id: string): Promise<Job | null> {
    const queued = queueId(user, id);
    for (const lane of this.#lanes.values()) {
      const known = lane.open.get(queued);
      if (known) return known;
      const found = (await lane.queue.getJob(queued)) as Queued | undefined;
      if (!found) continue;
      const job = new Job(found.data.request, new Uint8Array(), this.#limits.reconnect * 1000);
      this.#follow(lane, job);
      if (await found.isActive()) job.start();
      await this.#look(lane, queued);
      return job;
    }
    return null;
  }

  /** What the servers of the fleet sign with: the first one makes it. */
  async secret(): Promise<string> {
    await this.#redis.set(SECRET, randomBytes(32).toString('base64url'), 'NX');
    return (await this.#redis.get(SECRET))!;
  }

  get lengths(): ReadonlyMap<string, number> {
    return new Map(Array.from(this.#lanes, ([name, { open }]) => [name, open.size]));
  }

  async close(): Promise<void> {
    clearInterval(this.#looking);
    clearInterval(this.#sweeping);
    for (const { open, queue, events } of this.#lanes.values()) {
      // What waits or runs goes on: its user may ask another server, or this one later.
      for (const job of [...open.values()]) job.end({ refusal: CLOSING });
      await Promise.all([queue.close(), events.close()]).catch(() => {});
    }
    this.#redis?.disconnect();
  }

  #follow(lane: Lane, job: Job): void {
    const queued = queueId(job.request.user, job.request.id);
    lane.open.set(queued, job);
    job.once('cancel', () => this.#cancel(queued, job).catch(() => job.end({ refusal: CANCELLED })));
    job.once('end', () => {
      lane.open.delete(queued);
      this.#metrics.ended(job);
      this.#metrics.waiting(lane.model.name, lane.open.size);
    });
    this.#metrics.waiting(lane.model.name, lane.open.size);
  }

  async #enqueue(lane: Lane, job: Job): Promise<void> {
    const { request } = job;
    const queued = queueId(request.user, request.id);
    const before = (await lane.queue.getJob(queued)) as Queued | undefined;
    if (before && before.data.request.digest !== request.digest) {
      job.end({ refusal: { status: 409, error: `The job ${request.id} is another trace. Choose another id.` } });
      return;
    }
    if (!before && (await lane.queue.count()) >= this.#limits.waiting) {
      const error = `${this.#limits.waiting} traces wait for ${lane.model.name} already. Try again later.`;
      job.end({ refusal: { status: 503, error } });
      return;
    }
    // The same id is added once, whoever adds it.
    const body = await storeBytes(job.body, `${queued}-request`, this.#options.store);
    await lane.queue.add(
      'trace',
      { request, body },
      {
        jobId: queued,
        priority: job.rank + 1,
        removeOnComplete: { age: KEPT / 6, count: 10_000 },
        removeOnFail: { age: KEPT / 6, count: 10_000 },
      },
    );
    await this.#look(lane, queued);
  }

  async #cancel(queued: string, job: Job): Promise<void> {
    await this.#redis.set(cancelKey(queued), '1', 'EX', KEPT);
    await this.#redis.publish(CANCELS, queued);
    job.end({ refusal: CANCELLED });
  }

  async #progress(lane: Lane, queued: string, data: unknown): Promise<void> {
    const job = lane.open.get(queued);
    if (!job) return;
    if (Array.isArray(data)) job.report({ kind: 'progress', done: Number(data[0]), total: Number(data[1]) });
    else await this.#tellOn(queued, job);
  }

  /** Tells on what has come since, in order. */
  #tellOn(queued: string, job: Job): Promise<void> {
    const telling = (this.#telling.get(job) ?? Promise.resolve())
      .catch(() => {})
      .then(async () => {
        const first = this.#told.get(job) ?? 0;
        const texts = await this.#redis.lrange(toldKey(queued), first, -1);
        this.#told.set(job, first + texts.length);
        for (const text of texts) job.report(JSON.parse(text) as Told);
      });
    this.#telling.set(job, telling);
    return telling;
  }

  #lookAtAll(): void {
    for (const lane of this.#lanes.values()) {
      for (const queued of lane.open.keys()) this.#look(lane, queued).catch(() => {});
    }
  }

  /** Ends a job that has ended in its queue. */
  async #look(lane: Lane, queued: string): Promise<void> {
    const job = lane.open.get(queued);
    if (!job) return;
    const found = (await lane.queue.getJob(queued)) as Queued | undefined;
    if (job.outcome) return;
    if (!found) {
      // Redis has lost it: it kept no append-only file.
      if (isLate(job)) await this.#enqueue(lane, job);
      return;
    }
    if (await found.isFailed()) {
      const isStalled = /stalled/.test(found.failedReason ?? '');
      const refusal = isStalled ? GIVEN_UP : { status: 500, error: `A worker failed: ${found.failedReason}` };
      if (!job.outcome) job.end({ refusal });
      return;
    }
    const outcome = found.returnvalue as StoredOutcome | null | undefined;
    if (!outcome) return;
    await this.#tellOn(queued, job);
    if (job.outcome) return;
    if ('refusal' in outcome) {
      job.end(outcome);
      return;
    }
    if ('key' in outcome.body && job.request.form === 'bytes') {
      job.end({ stored: outcome.body });
      return;
    }
    const body = await storedBytes(outcome.body, this.#options.store);
    if (!job.outcome) job.end(body ? { body } : { refusal: GONE });
  }
}

/** Whether a job should have been in its queue for long. */
function isLate({ created }: Job): boolean {
  return performance.now() - created > 2 * LOOKS;
}
