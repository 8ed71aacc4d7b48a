import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type JobRequest, seedOf } from './job.ts';
import type { Limits } from './limits.ts';
import type { FromProcess, OpenedModel, Opening, Told, ToProcess } from './messages.ts';
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
    const loaded = await started.#ask(
      { kind: 'load', model: openedModel(model), others: others.map(openedModel), opening },
      LOADING,
      () => {},
    );
    if ('refusal' in loaded) {
      started.end();
      return loaded.refusal;
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

  /** Runs a request. Afterwards the process may have ended. */
  async run(
    request: Pick<JobRequest, 'form' | 'isWatched' | 'user' | 'id'>,
    body: Uint8Array,
    onTold: (told: Told) => void,
    signal: AbortSignal,
  ): Promise<Outcome> {
    let ending: NodeJS.Timeout | undefined;
    const cancel = () => {
      this.#tell({ kind: 'cancel' });
      ending = setTimeout(() => this.end(), ENDING);
    };
    signal.addEventListener('abort', cancel);
    const { form, isWatched } = request;
    const message: ToProcess = { kind: 'run', form, body, isWatched, seed: seedOf(request) };
    const outcome = await this.#ask(message, this.#limits.time * 1000, onTold);
    signal.removeEventListener('abort', cancel);
    clearTimeout(ending);
    this.#held = this.#memory - this.#least;
    return signal.aborted ? { refusal: CANCELLED } : outcome;
  }

  end(): void {
    this.#hasEnded = true;
    this.#child.kill('SIGKILL');
  }

  #tell(message: ToProcess): void {
    // A process that has just ended is told of by its exit.
    this.#child.send(message, () => {});
  }

  /** Tells the process something, and waits until it answers, exceeds a limit, or ends. */
  #ask(message: ToProcess, milliseconds: number, onTold: (told: Told) => void): Promise<Outcome> {
    const child = this.#child;
    return new Promise((resolve) => {
      const settle = (outcome: Outcome) => {
        clearTimeout(late);
        clearInterval(look);
        child.off('message', onMessage);
        child.off('exit', onExit);
        child.off('error', onError);
        resolve(outcome);
      };
      const exceed = (error: string) => {
        this.end();
        settle({ refusal: { status: 422, error } });
      };
      const onMessage = (told: FromProcess) => {
        if (told.kind === 'progress' || told.kind === 'text' || told.kind === 'token') onTold(told);
        else {
          this.#memory = told.memory;
          settle(told.kind === 'refusal' ? told : { body: told.kind === 'answer' ? told.body : new Uint8Array() });
        }
      };
      const onExit = (code: number | null, signal: string | null) =>
        settle({
          refusal: { status: 500, error: `It has ended the process of the model (${signal ?? `code ${code}`}).` },
        });
      const onError = ({ message }: Error) =>
        settle({ refusal: { status: 500, error: `The process of the model cannot be started or asked: ${message}` } });
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
function openedModel({ path, isLanguage, hash }: OpenedModel): OpenedModel {
  return { path, isLanguage, hash };
}
