import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { UsageError } from '../usage-error.ts';

export type QueuePackages = Pick<typeof import('bullmq'), 'Queue' | 'QueueEvents' | 'Worker'> &
  Pick<typeof import('ioredis'), 'Redis'>;

/** The packages of a fleet: those who serve from one process need not install them. */
export async function queuePackages(): Promise<QueuePackages> {
  const [bullmq, { Redis }] = await Promise.all([import('bullmq'), import('ioredis')]).catch((cause) => {
    throw new UsageError(
      `--redis needs packages that could not be loaded: npm install bullmq ioredis (${cause.message})`,
      { cause },
    );
  });
  return { ...bullmq, Redis };
}

/** How long Redis may take to be reached at the beginning, in milliseconds. */
const REACHED = 10_000;

/**
 * A connection to Redis, which is made again whenever it breaks: what was asked meanwhile waits.
 * @throws UsageError if there is no Redis at the URL
 */
export async function connect(url: string, { Redis }: QueuePackages): Promise<Redis> {
  if (!/^rediss?:\/\//.test(url))
    throw new UsageError(`--redis takes a URL such as redis://localhost:6379, not ${url}.`);
  const redis = new Redis(url, {
    maxRetriesPerRequest: null,
    lazyConnect: true,
    retryStrategy: (times) => Math.min(times * 50, 1000),
  });
  let reason = 'no answer';
  redis.on('error', (error) => {
    reason = error.message || (error as NodeJS.ErrnoException).code || reason;
  });
  redis.connect().catch(() => {});
  const isThere = await Promise.race([
    redis.ping().then(() => true),
    new Promise<false>((resolve) => setTimeout(resolve, REACHED, false).unref()),
  ]).catch(() => false);
  if (isThere) return redis;
  redis.disconnect();
  throw new UsageError(
    `There is no Redis at ${url.replace(/\/\/[^@]*@/, '//')}: ${reason}. Start one, or name another URL.`,
  );
}

/** A further connection, for what blocks one. */
export function anotherConnection(redis: Redis): Redis {
  const another = redis.duplicate();
  // It is made again by itself; meanwhile the log need not be full of it.
  another.on('error', () => {});
  return another;
}

/** The queue of a model. Two models of one hash share it. */
export function queueName(hash: string): string {
  return `onnsight-${hash.slice(0, 32)}`;
}

/** The id of a user's job in its queue. */
export function queueId(user: string, id: string): string {
  return `j${createHash('sha256')
    .update(JSON.stringify([user, id]))
    .digest('hex')}`;
}

/** Where a job's tokens and texts lie as they come. */
export function toldKey(queued: string): string {
  return `onnsight:told:${queued}`;
}

/** Whether a job was cancelled. */
export function cancelKey(queued: string): string {
  return `onnsight:cancelled:${queued}`;
}

/** Where workers are told of what is cancelled: the job's id. */
export const CANCELS = 'onnsight:cancels';

/** How long Redis keeps what is of a job, in seconds. */
export const KEPT = 3600;
