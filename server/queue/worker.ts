import type { Job as QueuedJob, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { Job } from '../job.ts';
import { checkLimits, type Limits } from '../limits.ts';
import type { Opening } from '../messages.ts';
import { CANCELLED } from '../refusal.ts';
import { Scheduler } from '../scheduler.ts';
import { checkWorkOptions } from '../serve-options.ts';
import { namedModels, type ServedModel, servedModel } from '../served-model.ts';
import { type AnswerStore, FolderStore, USUAL_STORE } from './answers.ts';
import type { QueuedData } from './queue-dispatcher.ts';
import {
  anotherConnection,
  CANCELS,
  cancelKey,
  connect,
  KEPT,
  type QueuePackages,
  queueName,
  queuePackages,
  toldKey,
} from './redis.ts';
import { type StoredOutcome, storeBytes, storedBytes } from './stored.ts';

/** What a worker has, and where its jobs come from. */
export interface WorkOptions {
  /** As those of `serve`. */
  readonly models: readonly string[];
  /** Where Redis is: `redis://localhost:6379`. */
  readonly redis: string;
  /** As that of `serve`: the folder of requests and answers above 1 MB. */
  readonly store?: string;
  readonly edits?: string;
  readonly imports?: readonly string[];
  readonly limits?: Partial<Limits>;
}

/**
 * Takes jobs from the queues of `serve --redis`, and runs them as a server does. Its models are open before it takes any; it
 * ends what it runs before it closes.
 * @throws UsageError as `serve` does, and where Redis is not there
 */
export async function work(options: WorkOptions, ...more: readonly never[]): Promise<{ close(): Promise<void> }> {
  checkWorkOptions(options, more);
  const { edits = null, imports = [] } = options;
  const opening: Opening = { limits: checkLimits(options.limits ?? {}), edits, imports };
  const packages = await queuePackages();
  const named = [...namedModels(options.models)];
  const models = await Promise.all(named.map(([name, path]) => servedModel(name, path)));
  const redis = await connect(options.redis, packages);
  const scheduler = new Scheduler(models, opening, null);
  await scheduler.warmUp();
  const workers = models.map(
    (model) =>
      new ModelWorker(model, {
        redis,
        scheduler,
        store: new FolderStore(options.store ?? USUAL_STORE),
        opening,
        packages,
      }),
  );
  const cancels = anotherConnection(redis);
  await cancels.subscribe(CANCELS);
  cancels.on('message', (_, queued) => {
    for (const worker of workers) worker.cancel(queued);
  });
  return {
    async close() {
      await Promise.all(workers.map((worker) => worker.close()));
      await scheduler.close();
      cancels.disconnect();
      redis.disconnect();
    },
  };
}

interface WorkerParts {
  readonly redis: Redis;
  readonly scheduler: Scheduler;
  readonly store: AnswerStore;
  readonly opening: Opening;
  readonly packages: QueuePackages;
}

/** Runs the jobs of one model, one after the other. */
class ModelWorker {
  readonly #model: ServedModel;
  readonly #parts: WorkerParts;
  readonly #worker: Worker<QueuedData, StoredOutcome>;
  readonly #running = new Map<string, Job>();

  constructor(model: ServedModel, parts: WorkerParts) {
    this.#model = model;
    this.#parts = parts;
    const lockDuration = parts.opening.limits.lock * 1000;
    this.#worker = new parts.packages.Worker<QueuedData, StoredOutcome>(
      queueName(model.hash),
      (queued) => this.#run(queued),
      {
        connection: anotherConnection(parts.redis),
        concurrency: 1,
        // Models compile and run in processes of their own, so that the lock is renewed meanwhile.
        lockDuration,
        stalledInterval: lockDuration,
        // The second worker that a job ends is its last.
        maxStalledCount: 1,
      },
    );
    this.#worker.on('error', () => {});
  }

  cancel(queued: string): void {
    this.#running.get(queued)?.cancel();
  }

  close(): Promise<void> {
    return this.#worker.close();
  }

  async #run(queued: QueuedJob<QueuedData, StoredOutcome>): Promise<StoredOutcome> {
    const { redis, scheduler, store, opening } = this.#parts;
    const id = queued.id!;
    if (await redis.exists(cancelKey(id))) return { refusal: CANCELLED };
    const body = await storedBytes(queued.data.body, store);
    if (!body) {
      const error =
        'The request is not in the store of the worker: servers and workers have to see one store (--store).';
      return { refusal: { status: 500, error } };
    }
    // The queue knows who waits for it.
    const request = { ...queued.data.request, model: this.#model.name, detached: true };
    const job = new Job(request, body, opening.limits.reconnect * 1000);
    this.#running.set(id, job);
    const told = toldKey(id);
    await redis.del(told);
    let telling: Promise<unknown> = Promise.resolve();
    const tell = (one: object) => {
      telling = telling
        .then(() => redis.multi().rpush(told, JSON.stringify(one)).expire(told, KEPT).exec())
        .then(() => queued.updateProgress({}));
      telling.catch(() => {});
    };
    job.on('progress', () => {
      const progress = [...job.progress!];
      telling = telling.then(() => queued.updateProgress(progress));
      telling.catch(() => {});
    });
    job.on('token', (token) => tell({ kind: 'token', token }));
    job.on('text', (text) => tell({ kind: 'text', text }));
    scheduler.add(job);
    const outcome = await job.result();
    this.#running.delete(id);
    // What it told comes before its end.
    await telling;
    if ('refusal' in outcome) return outcome;
    if ('stored' in outcome) return { body: outcome.stored };
    return { body: await storeBytes(outcome.body, `${id}-answer`, store) };
  }
}
