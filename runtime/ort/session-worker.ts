import { Worker } from 'node:worker_threads';
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { copyOrt, toOrt } from './session.ts';
import type { Answer, Outputs, Sent, Task } from './session-worker-thread.js';

type Tensors = Readonly<Record<string, Tensor>>;

interface Waiting {
  resolve(outputs: Outputs): void;
  reject(error: Error): void;
}

/** Places in the memory that is shared with a worker: whether it is in native code, and whether the process ends. */
const [BUSY, ENDING] = [0, 1];

/** How long the end of the process waits for a worker, in milliseconds. */
const PATIENCE = 30_000;

const running = new Set<Int32Array>();

/** Node breaks off its threads when the process ends, and ends with a crash if it meets one in native code. */
function waitForWorkers(): void {
  for (const state of running) {
    Atomics.store(state, ENDING, 1);
    Atomics.wait(state, BUSY, 1, PATIENCE);
  }
}

/**
 * Sessions of ONNX Runtime in a thread of their own, which does one thing after the other. The process stays alive for
 * what was asked, not for the thread.
 */
export class SessionWorker {
  private readonly worker: Worker;
  private readonly waiting = new Map<number, Waiting>();
  private asked = 0;
  private failure: Error | null = null;

  constructor() {
    const state = new Int32Array(new SharedArrayBuffer(8));
    if (running.size === 0) process.on('exit', waitForWorkers);
    running.add(state);
    // What loads the program's TypeScript is not needed there.
    this.worker = new Worker(new URL('./session-worker-thread.js', import.meta.url), {
      workerData: state,
      execArgv: [],
    });
    this.worker.unref();
    this.worker.on('message', ({ id, outputs, error }: Answer) => {
      const { resolve, reject } = this.waiting.get(id)!;
      this.waiting.delete(id);
      if (this.waiting.size === 0) this.worker.unref();
      if (outputs) resolve(outputs);
      else reject(new Error(error));
    });
    this.worker.on('error', (error: Error) => {
      this.failure = error;
    });
    this.worker.on('exit', () => {
      running.delete(state);
      if (running.size === 0) process.off('exit', waitForWorkers);
      this.failure ??= new Error('The thread has ended.');
      for (const { reject } of this.waiting.values()) reject(this.failure);
    });
  }

  /** Compiles a model. */
  async create(session: number, model: Uint8Array, options: InferenceSession.SessionOptions): Promise<void> {
    const copy = model.slice();
    await this.ask({ kind: 'create', session, model: copy, options }, [copy.buffer]);
  }

  /** Runs a session. The data of the feeds stays where it is. */
  async run(session: number, feeds: Tensors, names: readonly string[]): Promise<Tensors> {
    const copies = map(feeds, (tensor) => sent(copyOrt(tensor)));
    const buffers = Object.values(copies).map(({ data }) => data.buffer);
    return map(await this.ask({ kind: 'run', session, feeds: copies, names }, buffers), (output) =>
      toOrt(output.type, output.dims, output.data),
    );
  }

  /** Gives the memory of a session back when its last run has ended. */
  async release(session: number): Promise<void> {
    await this.ask({ kind: 'release', session }, []);
  }

  /** Ends the thread when it has done what was asked. */
  end(): void {
    this.worker.postMessage('end');
  }

  private ask(task: Task, transfer: ArrayBuffer[]): Promise<Outputs> {
    if (this.failure) return Promise.reject(this.failure);
    const id = this.asked++;
    return new Promise((resolve, reject) => {
      this.worker.postMessage({ id, task }, transfer);
      this.waiting.set(id, { resolve, reject });
      this.worker.ref();
    });
  }
}

function sent({ type, dims, data }: Tensor): Sent {
  return { type: type as 'float32', dims, data: data as Float32Array<ArrayBuffer> };
}

function map<A, B>(record: Readonly<Record<string, A>>, change: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value)]));
}
