import { createHash } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type { NewToken } from '../runtime/index.ts';
import type { Form, Told } from './messages.ts';
import type { Outcome } from './model-process.ts';
import { CANCELLED } from './refusal.ts';

export type JobStatus = 'queued' | 'running' | 'completed' | 'failed' | 'cancelled';

export interface JobRequest {
  readonly id: string;
  /** Whose it is: others do not see it. */
  readonly user: string;
  /** The name of its model. */
  readonly model: string;
  readonly form: Form;
  /** Of what is to run: the same id with another body is another trace. */
  readonly digest: string;
  /** Whether somebody wants to know how far it is. */
  readonly isWatched: boolean;
  /** Whether it goes on when nobody waits for it. */
  readonly detached: boolean;
  /** As the header `priority` has it: 3 is usual, 7 is what may wait for all others. */
  readonly urgency: number;
}

/** What a job draws tokens by: one that runs again, as its worker was lost, has to go on with what it has told. */
export function seedOf({ user, id }: Pick<JobRequest, 'user' | 'id'>): number {
  return createHash('sha256')
    .update(JSON.stringify([user, id]))
    .digest()
    .readUIntBE(0, 6);
}

/** Turns of one urgency; later ones are alike. */
const MOST_TURNS = 2 ** 16;

/** A trace that waits, runs, or has run. Emits `start`, `progress`, `token` (of a generation), `text` (of a completion), `cancel` when it is to end, and, once, `end`. */
export class Job extends EventEmitter {
  readonly request: JobRequest;
  readonly created = performance.now();
  /** Of two that wait the lower one goes first: by urgency, then by whose turn it is. */
  readonly rank: number;
  status: JobStatus = 'queued';
  progress: readonly [done: number, total: number] | null = null;
  outcome: Outcome | null = null;
  /** Those of its generations, as they have come. */
  readonly tokens: NewToken[] = [];
  /** What is to run, until it has. */
  body: Uint8Array;
  /** When it ended, as `performance.now()` has it. */
  ended = 0;
  /** Whether it is to end. */
  isCancelled = false;
  readonly #reconnect: number;
  #waiters = 0;
  #leaving: NodeJS.Timeout | undefined;

  /**
   * @param reconnect how long it goes on when nobody waits for it, in milliseconds
   * @param turn its turn among those of its urgency
   */
  constructor(request: JobRequest, body: Uint8Array, reconnect: number, turn = 0) {
    super();
    // Any number of connections may wait for one job.
    this.setMaxListeners(0);
    this.request = request;
    this.rank = request.urgency * MOST_TURNS + Math.min(turn, MOST_TURNS - 1);
    this.body = body;
    this.#reconnect = reconnect;
  }

  start(): void {
    if (this.outcome) return;
    this.status = 'running';
    this.emit('start');
  }

  report(told: Told): void {
    if (told.kind === 'text') this.emit('text', told.text);
    else if (told.kind === 'token') {
      this.tokens.push(told.token);
      this.emit('token', told.token);
    } else {
      this.progress = [told.done, told.total];
      this.emit('progress');
    }
  }

  end(outcome: Outcome): void {
    if (this.outcome) return;
    this.outcome = outcome;
    this.body = new Uint8Array();
    this.ended = performance.now();
    const failed = 'refusal' in outcome;
    this.status = !failed ? 'completed' : outcome.refusal === CANCELLED ? 'cancelled' : 'failed';
    clearTimeout(this.#leaving);
    this.emit('end');
  }

  cancel(): void {
    if (this.isCancelled) return;
    this.isCancelled = true;
    this.emit('cancel');
    if (this.status === 'queued') this.end({ refusal: CANCELLED });
  }

  /** Somebody waits for it. Gives the function to call when they have gone. */
  attend(): () => void {
    clearTimeout(this.#leaving);
    this.#waiters++;
    return () => {
      this.#waiters--;
      if (this.#waiters > 0 || this.request.detached || this.outcome) return;
      this.#leaving = setTimeout(() => this.cancel(), this.#reconnect);
    };
  }

  /** What it has become, as soon as it has ended. */
  async result(): Promise<Outcome> {
    if (!this.outcome) await new Promise<void>((resolve) => this.once('end', () => resolve()));
    return this.outcome!;
  }
}
