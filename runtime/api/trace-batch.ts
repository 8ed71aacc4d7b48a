import * as z from 'zod';
import { PARTS_TYPE, PartReader, partToBytes } from '../requests/parts.ts';
import type { HttpRequest, HttpResponse } from './http-exchange.ts';
import { limitedBody } from './limited-body.ts';

/** How many traces go together, how large one may be, and all of them, in bytes. */
const MOST = 64;
const LARGEST = 2 ** 16;
const LARGEST_BATCH = 2 ** 20;

/** How large an answer may become that comes with others, in bytes. */
const LARGEST_ANSWER = 2 ** 20;

/** How many bytes of a refusal are read: no server of this kind says more. */
const READ = 2 ** 20;

const headSchema = z.object({ id: z.string(), status: z.int(), type: z.string() });

/** A trace that is asked for, whose answer is awaited. */
export interface AskedTrace {
  readonly id: string;
  /** The hash of its model. */
  readonly model: string;
  readonly body: Uint8Array;
  /** How many bytes the answer has at most. */
  readonly most: number;
  readonly signal: AbortSignal;
}

/** What came for a trace. */
export interface TraceAnswer {
  readonly status: number;
  /** Its media type. */
  readonly type: string;
  readonly body: Uint8Array;
}

/** Why a trace is to be asked for by itself: as it has no company, as the server knows none, or as the connection broke. */
export type Alone = 'alone' | 'refused' | 'broken';

/** Where traces are sent, and how. */
export interface BatchTarget {
  /** The same for all that go to the same server under the same name. */
  readonly key: string;
  exchange(request: HttpRequest): Promise<HttpResponse>;
  isBroken(error: unknown): boolean;
  isBusy(status: number): boolean;
}

/** Where so many traces wait for their answers, further ones are gathered for so long, in milliseconds: those answered together are followed by others. */
const MANY = 8;
const WHILE = 2;

/** What a target is asked for: the traces that are gathered, and how many wait for their answers. */
interface Asking {
  batch: TraceBatch | null;
  waiting: number;
}

/** By their targets, as long as they are asked for something. */
const asking = new Map<string, Asking>();

/** Asks for a trace together with others of the same time: a request of HTTP takes longer than a small trace. */
export async function askTogether(target: BatchTarget, trace: AskedTrace): Promise<TraceAnswer | Alone> {
  if (trace.body.byteLength > LARGEST || trace.most > LARGEST_ANSWER) return 'alone';
  const { key } = target;
  const own = asking.get(key) ?? { batch: null, waiting: 0 };
  asking.set(key, own);
  if (!own.batch?.hasRoom) {
    const begun = new TraceBatch(target);
    own.batch = begun;
    const send = () => {
      if (own.batch === begun) own.batch = null;
      begun.send();
    };
    if (own.waiting < MANY) setImmediate(send);
    else setTimeout(send, WHILE);
  }
  own.waiting++;
  try {
    return await own.batch.add(trace);
  } finally {
    own.waiting--;
    if (own.waiting === 0) asking.delete(key);
  }
}

interface Waiting {
  readonly trace: AskedTrace;
  settle(answer: TraceAnswer | Alone): void;
  reject(error: Error): void;
}

/** Traces that are asked for in one request of HTTP, whose answers come in any order, each when it is there. */
class TraceBatch {
  readonly #target: BatchTarget;
  readonly #waiting = new Map<string, Waiting>();
  readonly #abort = new AbortController();
  #size = 0;

  constructor(target: BatchTarget) {
    this.#target = target;
  }

  get hasRoom(): boolean {
    return this.#waiting.size < MOST && this.#size + LARGEST <= LARGEST_BATCH;
  }

  add(trace: AskedTrace): Promise<TraceAnswer | Alone> {
    const { id, body, signal } = trace;
    this.#size += body.byteLength;
    return new Promise((resolve, reject) => {
      const settle = (answer: TraceAnswer | Alone) => {
        this.#waiting.delete(id);
        signal.removeEventListener('abort', onAbort);
        resolve(answer);
      };
      const onAbort = () => {
        settle('alone');
        if (this.#waiting.size === 0) this.#abort.abort();
      };
      this.#waiting.set(id, { trace, settle, reject });
      signal.addEventListener('abort', onAbort);
    });
  }

  async send(): Promise<void> {
    let why: Alone = 'alone';
    try {
      if (this.#waiting.size > 1) why = await this.#ask();
    } catch (error) {
      if (this.#target.isBroken(error)) why = 'broken';
    }
    for (const { settle } of [...this.#waiting.values()]) settle(why);
  }

  async #ask(): Promise<Alone> {
    const asked = [...this.#waiting.values()].map(({ trace: { id, model, body } }) =>
      partToBytes({ head: { id, model }, body }),
    );
    const { status, headers, body } = await this.#target.exchange({
      method: 'POST',
      headers: { 'content-type': PARTS_TYPE },
      body: Buffer.concat(asked),
      signal: this.#abort.signal,
    });
    const type = headers['content-type'] ?? '';
    if (status === 200 && type.startsWith(PARTS_TYPE)) return this.#read(body);
    if (!this.#target.isBusy(status)) {
      body.destroy();
      return status === 413 ? 'alone' : 'refused';
    }
    const text = await limitedBody(body, READ);
    for (const { settle } of [...this.#waiting.values()]) settle({ status, type, body: text });
    return 'alone';
  }

  async #read(body: AsyncIterable<Uint8Array>): Promise<Alone> {
    const reader = new PartReader((head, size) => {
      const { id, status } = headSchema.parse(head);
      const waiting = this.#waiting.get(id);
      const most = status === 200 ? waiting?.trace.most : READ;
      if (most === undefined || size <= most) return;
      this.#waiting.delete(id);
      waiting!.reject(new RangeError(`it has more than ${most} bytes`));
      throw new RangeError('it is not read on');
    });
    for await (const piece of body) {
      for (const part of reader.read(piece)) {
        const { id, status, type } = headSchema.parse(part.head);
        // A trace that was given up is answered, too.
        this.#waiting.get(id)?.settle({ status, type, body: part.body });
      }
    }
    // The response has ended without them.
    return 'broken';
  }
}
