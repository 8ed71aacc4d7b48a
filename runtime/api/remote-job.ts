import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod';
import { answerFromBytes, requestToBytes } from '../requests/bytes.ts';
import { FRAME_TYPE, LINK_TYPE } from '../requests/frame.ts';
import { allocate } from '../tensor/storage.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Backend, TraceRequest } from '../types/backend.ts';
import { checkAnswer } from './answer.ts';
import type { HttpBody, HttpResponse } from './http-exchange.ts';
import { limitedBody } from './limited-body.ts';
import { type ServerConnection, shown } from './server-connection.ts';
import { ServerEvents } from './server-events.ts';
import { checkTokens, ToldTokens } from './told-tokens.ts';

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

/** How many bytes of an answer are read whose sizes only the run tells. */
const MOST = 2 ** 31;

/** The bytes that an answer has beside its elements: so many, and so many for each tensor. */
const BESIDE = 2 ** 16;
const BESIDE_EACH = 2 ** 12;

/** How many bytes of a status are read. */
const STATUS = 2 ** 16;

/** How often the events may break off without any news, and how long to wait before they are asked for again, in milliseconds. */
const BREAKS = 20;
const PAUSE = 100;

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
    return connection.ask(this.#path(), asked, async (response) => {
      try {
        return statusSchema.parse(JSON.parse(new TextDecoder().decode(await limitedBody(response.body, STATUS))));
      } catch (error) {
        throw this.#wrong(error);
      }
    });
  }

  /** Ends the job, whether it waits or runs. */
  async cancel(): Promise<void> {
    const { connection, timeout } = this.#settings;
    const asked = { method: 'DELETE', signal: AbortSignal.timeout(timeout) } as const;
    await connection.ask(this.#path(), asked, async ({ body }) => void body.destroy());
  }

  async run(request: TraceRequest): Promise<(Tensor | undefined)[]> {
    const { connection, timeout } = this.#settings;
    for (const option of ['onStats', 'reuse'] as const) {
      if (request[option] !== undefined)
        throw connection.error(`has no ${option}: leave it out, or run the trace in this process`);
    }
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), timeout);
    const signal = request.signal ? AbortSignal.any([request.signal, late.signal]) : late.signal;
    const told = request.onToken ? new ToldTokens(request) : null;
    try {
      const bytes = await this.#answer(request, signal, told);
      return this.#tensors(request, bytes, told);
    } catch (error) {
      if (!signal.aborted) throw error;
      // The server sees, too, that nobody waits any longer; this way it sees it at once.
      if (!(late.signal.aborted && this.#settings.detached)) this.cancel().catch(() => {});
      request.signal?.throwIfAborted();
      throw connection.error(`has not answered within ${timeout / 1000} s`, error);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Sends the trace, and waits for the bytes of its answer. */
  async #answer(request: TraceRequest, signal: AbortSignal, told: ToldTokens | null): Promise<Uint8Array> {
    const { connection, detached } = this.#settings;
    const isWatched = request.onProgress !== undefined || request.onToken !== undefined;
    const most = largestAnswer(request);
    const answered = async (response: HttpResponse): Promise<Answered> => {
      // Bytes without a type tell themselves what they are.
      const isLink = this.#isLink(response.status, response.headers['content-type'] ?? FRAME_TYPE, response.body);
      const bytes = await limitedBody(response.body, most).catch((error: unknown) => {
        throw error instanceof RangeError ? this.#wrong(error) : error;
      });
      return { bytes, isLink };
    };
    // Whether the files of the model are what they were is looked at whenever it is asked for.
    const { path: file, hash } = request.model;
    const body = requestToBytes({ ...request, model: { path: file, hash } });
    const post = {
      method: 'POST',
      headers: {
        'content-type': FRAME_TYPE,
        'idempotency-key': this.id,
        ...(detached && { prefer: 'respond-async' }),
        ...(isWatched && !detached && { accept: 'text/event-stream' }),
      },
      body,
      signal,
    } as const;
    const get = { method: 'GET', signal } as const;
    const path = `/traces?model=${hash}`;
    const fetched = async ({ bytes, isLink }: Answered): Promise<Uint8Array> =>
      isLink ? (await connection.ask(this.#linked(bytes), get, answered)).bytes : bytes;
    if (!isWatched && !detached) {
      const tooLarge = (error: unknown) => {
        throw error instanceof RangeError ? this.#wrong(error) : error;
      };
      const came = await connection.askTogether({ id: this.id, model: hash, body, most, signal }).catch(tooLarge);
      if (typeof came !== 'string') {
        return fetched({ bytes: came.body, isLink: this.#isLink(came.status, came.type) });
      }
      return fetched(await connection.ask(path, post, answered, came === 'broken' ? 1 : 0));
    }
    let open = detached
      ? void (await connection.ask(path, post, async ({ body }) => void body.destroy()))
      : await connection.ask(path, post, (response) => this.#events(response));
    const events = new ServerEvents(request, told, (why) => this.#wrong(why));
    for (let broken = 0; isWatched; broken++) {
      if (broken === BREAKS) throw connection.error(`has ended the progress of the trace ${broken} times`);
      open ??= await connection.ask(`${this.#path()}/events`, get, (response) => this.#events(response));
      const { count } = events;
      if (await events.read(open)) break;
      if (events.count > count) broken = 0;
      open = undefined;
      await delay(PAUSE, undefined, { signal });
    }
    return fetched(await connection.ask(`${this.#path()}/result`, get, answered));
  }

  /** Whether what came tells where the answer is. Throws a RemoteError if it is neither that nor an answer. */
  #isLink(status: number, given: string, body?: HttpBody): boolean {
    const [type] = given.split(';') as [string];
    if (status === 200 && (type === FRAME_TYPE || type === LINK_TYPE)) return type === LINK_TYPE;
    body?.destroy();
    throw this.#wrong(`it is ${shown(type)} under the status ${status}, not the tensors of the trace`);
  }

  /** Where an answer is that did not come itself. */
  #linked(bytes: Uint8Array): string {
    try {
      return linkSchema.parse(JSON.parse(new TextDecoder().decode(bytes))).url;
    } catch {
      throw this.#wrong('it does not tell where on this server it is');
    }
  }

  /** The events of a response. Throws a RemoteError if it has none. */
  async #events({ headers, body }: HttpResponse): Promise<HttpBody> {
    const type = headers['content-type'];
    if (type?.startsWith('text/event-stream')) return body;
    body.destroy();
    throw this.#wrong(`it is ${type ? shown(type) : 'nothing'}, not the progress of the trace`);
  }

  #tensors(request: TraceRequest, bytes: Uint8Array, told: ToldTokens | null): (Tensor | undefined)[] {
    try {
      const tensors = answerFromBytes(bytes);
      const missing = checkAnswer(request.graph, tensors).findIndex((tensor, i) => !tensor && !mayBeAbsent(request, i));
      if (missing !== -1) throw new RangeError(`it has no tensor for ${request.graph.saves[missing]!.name}`);
      checkTokens(request, tensors, told);
      return tensors;
    } catch (error) {
      throw this.#wrong(error);
    }
  }

  /** @param error what is wrong, or an error that says it */
  #wrong(error: unknown): Error {
    const why = error instanceof Error ? error.message : error;
    return this.#settings.connection.error(`gave a wrong answer: ${shown(String(why))}`, error);
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

/** The bytes of a response: an answer, or where it is. */
interface Answered {
  readonly bytes: Uint8Array;
  readonly isLink: boolean;
}

/** How many bytes the answer to a trace can have. */
function largestAnswer({ graph }: TraceRequest): number {
  let size = BESIDE;
  for (const { value } of graph.saves) {
    const { dtype, shape } = value.type;
    const elements = shape?.reduce<number | null>((all, dim) => (all === null || dim === null ? null : all * dim), 1);
    if (elements == null) return MOST;
    size += BESIDE_EACH + elements * allocate(dtype, 0).BYTES_PER_ELEMENT;
  }
  return size;
}
