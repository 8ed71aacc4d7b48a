import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Job } from './job.ts';
import type { Limits } from './limits.ts';
import type { FromProcess, OpenedModel, Opening, ToProcess } from './messages.ts';
import { CANCELLED, type Refusal } from './refusal.ts';
import { residentBytes } from './resident-bytes.ts';

/** What runs in the process, compiled or not as this file is. */
const MAIN = fileURLToPath(import.meta.url).replace(/model-process(?=\.\w+$)/, 'model-process-main');

/** How often the memory of a process that runs is looked at, in milliseconds. */
const LOOKS = 50;

/** How long a model may take to be opened, in milliseconds. */
const LOADING = 600_000;

/** How long a trace may go on that is told to end, in milliseconds: it ends between two segments. */
const ENDING = 1000;

/** What became of a request. */
export type Outcome =
  | { readonly body: Uint8Array }
  | { readonly refusal: Refusal }
  /** The answer lies in the store of a fleet. */
  | { readonly stored: StoredAnswer };

export interface StoredAnswer {
  readonly key: string;
  /** In bytes. */
  readonly size: number;
}

/** The process of a model, seen from the server: it is ended when it exceeds its limits. */
export class ModelProcess {
  readonly #child: ChildProcess;
  readonly #limits: Limits;
  #hasEnded = false;
  /** How many runs it was told of. */
  #told = 0;
  /** Its memory when it last told. */
  #memory = 0;
  /** Its memory before anything ran. */
  #least = 0;
  /** What it has more, after a run. */
  #held = 0;

  private constructor(child: ChildProcess, limits: Limits) {
    this.#child = child;
    this.#limits = limits;
    // What could not be started has ended, too.
    for (const event of ['exit', 'error']) {
      child.on(event, () => {
        this.#hasEnded = true;
      });
    }
  }

  /** Starts a process and opens the model in it. */
  static async start(
    model: OpenedModel,
    others: readonly OpenedModel[],
    opening: Opening,
  ): Promise<ModelProcess | Refusal> {
    const { limits, imports } = opening;
    const child = fork(MAIN, [], {
      serialization: 'advanced',
      // What compiles and loads TypeScript here does so there.
      execArgv: [
        ...process.execArgv,
        ...imports.map((one) => `--import=${one}`),
        `--max-old-space-size=${Math.ceil(limits.memory / 2 ** 20)}`,
      ],
      // The log of the server is its standard output.
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const started = new ModelProcess(child, limits);
    let refused: Refusal | null = null;
    const failed = await started.#ask(
      { kind: 'load', model: openedModel(model), others: others.map(openedModel), opening },
      LOADING,
      (told) => {
        if (told.kind !== 'loaded') return false;
        refused = told.refusal;
        started.#memory = told.memory;
        return true;
      },
    );
    const refusal = failed ?? refused;
    if (refusal) {
      started.end();
      return refusal;
    }
    started.#least = started.#memory;
    return started;
  }

  /** Whether nothing more is to run in it: it has ended, or holds so much memory that the next trace had too little. */
  get isSpent(): boolean {
    return this.#hasEnded || this.#held > (this.#limits.memory - this.#least) / 2;
  }

  /** Its bytes of memory, as it last told. */
  get memory(): number {
    return this.#memory;
  }

  /**
   * Runs jobs, one after the other, and ends each with what became of it. Afterwards the process may have ended.
   * @param more takes further jobs, so many at most, that run behind them: so the process never waits for the next ones
   * @returns those of several of which it is not known whether one of them has ended the process, and which
   */
  async run(
    first: readonly Job[],
    end: (job: Job, outcome: Outcome) => void,
    more: (most: number) => readonly Job[],
  ): Promise<readonly Job[]> {
    const jobs: Job[] = [];
    let ended = 0;
    let isNew = false;
    let ending: NodeJS.Timeout | undefined;
    const cancels: (() => void)[] = [];
    const add = (added: readonly Job[]): ToProcess => {
      for (const job of added) {
        const [at, place] = [jobs.push(job) - 1, this.#told++];
        const cancel = () => {
          if (at < ended) return;
          this.#tell({ kind: 'cancel', place });
          ending ??= setTimeout(() => this.end(), ENDING);
        };
        job.once('cancel', cancel);
        cancels.push(() => job.off('cancel', cancel));
      }
      const bodies = new Map(added.map(({ body, request: { digest } }) => [digest, body]));
      const runs = added.map(({ request: { form, digest, isWatched, user, id } }) => {
        return { form, body: bodies.get(digest)!, isWatched, user, id };
      });
      return { kind: 'run', runs };
    };
    const outcomeOf = (job: Job, outcome: Outcome) => (job.isCancelled ? { refusal: CANCELLED } : outcome);
    const failed = await this.#ask(add(first), this.#limits.time * 1000, (told) => {
      if (told.kind === 'loaded') return false;
      if (told.kind !== 'ended') {
        jobs[ended]!.report(told);
        return false;
      }
      this.#memory = told.memory;
      isNew = told.isNew;
      for (const one of told.ends) {
        const job = jobs[ended++]!;
        end(job, outcomeOf(job, one));
      }
      const open = jobs.length - ended;
      if (open === 0 || isNew || ending) return open === 0;
      const added = more(first.length - open);
      if (added.length > 0) this.#tell(add(added));
      return false;
    });
    for (const leave of cancels) leave();
    clearTimeout(ending);
    this.#held = this.#memory - this.#least;
    if (!failed) return [];
    const left = jobs.slice(ended);
    const isCancelled = left.some((job) => job.isCancelled);
    const [guilty] = left.length === 1 || (isNew && !isCancelled) ? left : [];
    for (const job of left) if (job === guilty || job.isCancelled) end(job, outcomeOf(job, { refusal: failed }));
    return left.filter((job) => job !== guilty && !job.isCancelled);
  }

  end(): void {
    this.#hasEnded = true;
    this.#child.kill('SIGKILL');
  }

  #tell(message: ToProcess): void {
    // A process that has just ended is told of by its exit.
    this.#child.send(message, () => {});
  }

  /**
   * Tells the process something, and waits until it has told all, exceeds a limit, or ends.
   * @param milliseconds how long that may take, or each of several runs
   * @param hear whether that was all
   * @returns why it has not told all
   */
  #ask(message: ToProcess, milliseconds: number, hear: (told: FromProcess) => boolean): Promise<Refusal | null> {
    const child = this.#child;
    return new Promise((resolve) => {
      const settle = (failed: Refusal | null) => {
        clearTimeout(late);
        clearInterval(look);
        child.off('message', onMessage);
        child.off('exit', onExit);
        child.off('error', onError);
        resolve(failed);
      };
      const exceed = (error: string) => {
        this.end();
        settle({ status: 422, error });
      };
      const onMessage = (told: FromProcess) => {
        if (told.kind === 'ended') late.refresh();
        if (hear(told)) settle(null);
      };
      const onExit = (code: number | null, signal: string | null) =>
        settle({ status: 500, error: `It has ended the process of the model (${signal ?? `code ${code}`}).` });
      const onError = ({ message }: Error) =>
        settle({ status: 500, error: `The process of the model cannot be started or asked: ${message}` });
      const late = setTimeout(
        () => exceed(`It takes longer than ${milliseconds / 1000} s, which this server allows.`),
        milliseconds,
      );
      const look = setInterval(async () => {
        const bytes = await residentBytes(child.pid!);
        const { memory } = this.#limits;
        if (bytes > memory) exceed(`The model and it take ${bytes} bytes of memory, and this server allows ${memory}.`);
      }, LOOKS);
      child.on('message', onMessage);
      child.on('exit', onExit);
      child.on('error', onError);
      this.#tell(message);
    });
  }
}

/** Of what is known of a model that which a process needs: its description is long. */
function openedModel({ path, isLanguage, hash, isRandom }: OpenedModel): OpenedModel {
  return { path, isLanguage, hash, isRandom };
}
