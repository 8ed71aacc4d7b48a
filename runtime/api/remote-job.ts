import * as z from 'zod';
import { answerFromBytes, requestToBytes } from '../requests/bytes.ts';
import { FRAME_TYPE, LINK_TYPE } from '../requests/frame.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Backend, TraceRequest } from '../types/backend.ts';
import { checkAnswer } from './answer.ts';
import type { ServerConnection } from './server-connection.ts';
import { ServerEvents } from './server-events.ts';

/** What a server tells of a job. */
export interface JobStatus {
  readonly id: string;
  readonly status: 'queued' | 'running' | 'completed' | 'failed' | 'cancelled';
  /** Of the segments and interventions of the run: how many have ended, and how many there are. */
  readonly progress: readonly [done: number, total: number] | null;
}

const statusSchema = z.object({
  id: z.string(),
  status: z.enum(['queued', 'running', 'completed', 'failed', 'cancelled']),
  progress: z.tuple([z.number(), z.number()]).nullable(),
});

const linkSchema = z.object({ url: z.string().regex(/^\/answers\//) });

export interface JobSettings {
  readonly connection: ServerConnection;
  /** In milliseconds. */
  readonly timeout: number;
  /** Whether the job goes on when nobody waits for it. */
  readonly detached: boolean;
}

/**
 * One trace on a server, under an id. The same trace that is asked for again under the same id does not run again: it gives
 * the result of the first time, also from another process.
 */
export class RemoteJob implements Backend {
  readonly id: string;
  readonly #settings: JobSettings;

  constructor(id: string, settings: JobSettings) {
    this.id = id;
    this.#settings = settings;
  }

  /** How far the job is. Throws an Error if the server does not know it, or not any more. */
  status(): Promise<JobStatus> {
    const { connection, timeout } = this.#settings;
    const asked = { method: 'GET', signal: AbortSignal.timeout(timeout) } as const;
    return connection.ask(this.#path(), asked, async (response) => statusSchema.parse(await response.json()));
  }

  /** Ends the job, whether it waits or runs. */
  async cancel(): Promise<void> {
    const { connection, timeout } = this.#settings;
    const asked = { method: 'DELETE', signal: AbortSignal.timeout(timeout) } as const;
    await connection.ask(this.#path(), asked, (response) => response.text());
  }

  async run(request: TraceRequest): Promise<(Tensor | undefined)[]> {
    const { connection, timeout } = this.#settings;
    for (const option of ['onStats', 'reuse'] as const) {
      if (request[option]) throw connection.error(`has no ${option}: leave it out, or run the trace in this process`);
    }
    const late = AbortSignal.timeout(timeout);
    const signal = request.signal ? AbortSignal.any([request.signal, late]) : late;
    try {
      const bytes = await this.#answer(request, signal);
      return this.#tensors(request, bytes);
    } catch (error) {
      if (!signal.aborted) throw error;
      // The server sees, too, that nobody waits any longer; this way it sees it at once.
      if (!(late.aborted && this.#settings.detached)) this.cancel().catch(() => {});
      request.signal?.throwIfAborted();
      throw connection.error(`has not answered within ${timeout / 1000} s`, error);
    }
  }

  /** Sends the trace, and waits for the bytes of its answer. */
  async #answer(request: TraceRequest, signal: AbortSignal): Promise<Uint8Array> {
    const { connection, detached } = this.#settings;
    const isWatched = request.onProgress !== undefined || request.onToken !== undefined;
    const post = {
      method: 'POST',
      headers: {
        'content-type': FRAME_TYPE,
        'idempotency-key': this.id,
        ...(detached && { prefer: 'respond-async' }),
        ...(isWatched && !detached && { accept: 'text/event-stream' }),
      },
      body: requestToBytes(request),
      signal,
    } as const;
    const get = { method: 'GET', signal } as const;
    const path = `/traces?model=${request.model.hash}`;
    if (!isWatched && !detached) return this.#fetched(await connection.ask(path, post, bytesOf), signal);
    let streaming = detached
      ? void (await connection.ask(path, post, (response) => response.text()))
      : await connection.ask(path, post, bodyOf);
    const events = new ServerEvents(request);
    while (isWatched) {
      streaming ??= await connection.ask(`${this.#path()}/events`, get, bodyOf);
      if (await events.read(streaming)) break;
      streaming = undefined;
    }
    return this.#fetched(await connection.ask(`${this.#path()}/result`, get, bytesOf), signal);
  }

  /** The bytes of an answer, also where the response tells only where they are. */
  #fetched(answer: Answered, signal: AbortSignal): Promise<Uint8Array> | Uint8Array {
    if (!answer.isLink) return answer.bytes;
    const { connection } = this.#settings;
    const { success, data } = linkSchema.safeParse(jsonOf(answer.bytes));
    if (!success) throw connection.error('gave a wrong answer: it does not tell where on this server it is');
    return connection.ask(data.url, { method: 'GET', signal }, async (response) => (await bytesOf(response)).bytes);
  }

  #tensors(request: TraceRequest, bytes: Uint8Array): (Tensor | undefined)[] {
    try {
      const tensors = answerFromBytes(bytes);
      const missing = checkAnswer(request.graph, tensors).findIndex((tensor, i) => !tensor && !mayBeAbsent(request, i));
      if (missing !== -1) throw new RangeError(`it has no tensor for ${request.graph.saves[missing]!.name}`);
      return tensors;
    } catch (error) {
      const why = error instanceof Error ? error.message : error;
      throw this.#settings.connection.error(`gave a wrong answer: ${why}`, error);
    }
  }

  #path(): string {
    return `/traces/${encodeURIComponent(this.id)}`;
  }
}

/** A gradient may be saved that is not there, and what a generation has of steps that it does not get to. */
function mayBeAbsent({ graph, course }: TraceRequest, save: number): boolean {
  const wanted = course()?.late?.wanted[save];
  if (wanted && !wanted.includes(null)) return true;
  const { node } = graph.saves[save]!.value;
  return node?.op === 'grad' && node.attributes.unused === 'absent';
}

interface Answered {
  readonly bytes: Uint8Array;
  readonly isLink: boolean;
}

async function bytesOf(response: Response): Promise<Answered> {
  const isLink = response.headers.get('content-type')?.startsWith(LINK_TYPE) ?? false;
  return { bytes: new Uint8Array(await response.arrayBuffer()), isLink };
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

async function bodyOf({ body }: Response): Promise<ReadableStream<Uint8Array>> {
  return body!;
}
