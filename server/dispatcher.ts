import type { Job } from './job.ts';

/** What runs jobs: the processes of this machine, or workers behind a queue. */
export interface Dispatcher {
  /** Gets ready: what it needs is there afterwards. Throws a UsageError if something is not. */
  warmUp(): Promise<void>;
  /** Takes a job, and ends it some time. Throws a RefusalError if too many wait already. */
  add(job: Job): void;
  /** A job of a user that was added by another process, or before this one began; null if there is none. */
  recall(user: string, id: string): Promise<Job | null>;
  /** How many jobs wait for each model. */
  readonly lengths: ReadonlyMap<string, number>;
  close(): Promise<void>;
}
