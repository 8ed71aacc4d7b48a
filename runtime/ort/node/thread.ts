import { Worker } from 'node:worker_threads';
import { bitsOfHalves } from '../../tensor/storage.ts';
import type { Session, SessionConfig, SessionTensor, SessionTensors, SessionThread } from '../port.ts';
import { compilation } from './options.ts';
import { copyTensor, makeTensor } from './tensors.ts';
import type { Answer, Outputs, Sent, Task } from './thread-main.js';

interface Waiting {
  resolve(outputs: Outputs): void;
  reject(error: Error): void;
}

/** Indices in the memory that is shared with a thread: whether it is in native code, and whether the process ends. */
const [BUSY, ENDING] = [0, 1];

/** How long the end of the process waits for a thread, in milliseconds. */
const PATIENCE = 30_000;

const running = new Set<Int32Array>();

/** Node breaks off its threads when the process ends, and ends with a crash if it meets one in native code. */
function waitForThreads(): void {
  for (const state of running) {
    Atomics.store(state, ENDING, 1);
    Atomics.wait(state, BUSY, 1, PATIENCE);
  }
}

/**
 * Sessions of ONNX Runtime in a thread of their own, which runs one task at a time. The process stays alive for
 * open tasks, not for the thread.
 */
export class NodeThread implements SessionThread {
  private readonly worker: Worker;
  private readonly waiting = new Map<number, Waiting>();
  private asked = 0;
  private sessions = 0;
  private failure: Error | null = null;

  constructor() {
    const state = new Int32Array(new SharedArrayBuffer(8));
    if (running.size === 0) process.on('exit', waitForThreads);
    running.add(state);
    // The hooks that load the program's TypeScript are not needed there.
    this.worker = new Worker(new URL('./thread-main.js', import.meta.url), {
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
      if (running.size === 0) process.off('exit', waitForThreads);
      this.failure ??= new Error('The thread has ended.');
      for (const { reject } of this.waiting.values()) reject(this.failure);
    });
  }

  get hasEnded(): boolean {
    return this.failure !== null;
  }

  async createSession(bytes: Uint8Array, config: SessionConfig): Promise<Session> {
    const session = this.sessions++;
    const { model, options } = compilation(bytes, config);
    const copy = model.slice();
    await this.ask({ kind: 'create', session, model: copy, options }, [copy.buffer]);
    return {
      run: (feeds, outputs) => this.run(session, feeds, outputs),
      release: async () => {
        await this.ask({ kind: 'release', session }, []);
      },
    };
  }

  private async run(session: number, feeds: SessionTensors, outputs: readonly string[]): Promise<SessionTensors> {
    const copies = map(feeds, (tensor) => sent(copyTensor(tensor)));
    const buffers = Object.values(copies).map(({ data }) => data.buffer);
    return map(await this.ask({ kind: 'run', session, feeds: copies, names: outputs }, buffers), (output) =>
      makeTensor(output.type, output.dims, output.data),
    );
  }

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

function sent({ type, dims, data }: SessionTensor): Sent {
  return { type: type as 'float32', dims, data: bitsOfHalves(data) as Float32Array<ArrayBuffer> };
}

function map<A, B>(record: Readonly<Record<string, A>>, change: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value)]));
}
