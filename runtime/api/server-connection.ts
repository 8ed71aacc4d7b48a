import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod';
import { TraceError } from '../errors.ts';
import { exchange, type HttpRequest, type HttpResponse } from './http-exchange.ts';
import { beginningOf } from './limited-body.ts';
import { RemoteError } from './remote-error.ts';
import { type Alone, type AskedTrace, askTogether, type BatchTarget, type TraceAnswer } from './trace-batch.ts';

/** What of a server's text an error shows. */
const SHOWN = 500;

/** How many characters of a refusal are read: no server of this kind says more. */
const READ = 2 ** 20;

/** How long to wait, in milliseconds, before what was asked over a connection that broke is asked again: so often it is. */
const PAUSES = [100, 500, 2000];

/** Codes of errors of a connection that there was. A server that was never reached is not asked again. */
const BROKEN: ReadonlySet<unknown> = new Set(['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ERR_STREAM_PREMATURE_CLOSE']);

const errorSchema = z.object({
  error: z.string(),
  /** The line of the user's program, where the server knows it. */
  site: z.object({ file: z.string(), line: z.number(), column: z.number() }).nullish(),
});

/** The statuses of servers that are busy, and of proxies before one that is not there. */
const BUSY: ReadonlySet<number> = new Set([429, 502, 503, 504]);

export type Asked = Omit<HttpRequest, 'headers'> & Partial<Pick<HttpRequest, 'headers'>>;

/** Speaks to one server. Redirects are not followed: the headers and the trace are for this server alone. */
export class ServerConnection {
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #together: BatchTarget;
  /** Whether the server takes several traces in one request, as far as it is known. */
  #takesSeveral = true;

  constructor(url: string, headers: Readonly<Record<string, string>>) {
    this.#url = url.replace(/\/+$/, '');
    this.#headers = headers;
    this.#together = {
      key: JSON.stringify([this.#url, headers]),
      exchange: (request) =>
        exchange(`${this.#url}/traces`, { ...request, headers: { ...headers, ...request.headers } }),
      isBroken: (error) => BROKEN.has((error as NodeJS.ErrnoException).code),
      isBusy: (status) => BUSY.has(status),
    };
  }

  /** Asks for a trace, with others that are asked for at the same time. Throws as `ask` does. */
  async askTogether(trace: AskedTrace): Promise<TraceAnswer | Alone> {
    if (!this.#takesSeveral) return 'alone';
    const answer = await askTogether(this.#together, trace);
    trace.signal.throwIfAborted();
    if (answer === 'refused') this.#takesSeveral = false;
    if (typeof answer === 'string' || answer.status === 200) return answer;
    throw this.#refusal({ status: answer.status, headers: {} }, new TextDecoder().decode(answer.body));
  }

  /**
   * Asks, and reads the response with `read`. If the connection breaks on the way, it asks again: what is asked has to mean
   * the same when it is asked twice. A RemoteError of `read` is what is wrong with the response, and is thrown on.
   * @param before how often it was asked already over a connection that broke
   */
  async ask<T>(path: string, asked: Asked, read: (response: HttpResponse) => Promise<T>, before = 0): Promise<T> {
    for (let lost = before; ; lost++) {
      if (lost > 0) {
        await delay(PAUSES[lost - 1], undefined, { signal: asked.signal }).catch(() => asked.signal.throwIfAborted());
      }
      const got = await this.#once(path, asked, read).catch(async (error: unknown) => {
        asked.signal.throwIfAborted();
        if (error instanceof RemoteError) throw error;
        if (lost === PAUSES.length || (lost === 0 && !BROKEN.has((error as NodeJS.ErrnoException).code))) {
          throw this.error(`could not be asked: ${reasonOf(error)}`, error, true);
        }
        return null;
      });
      if (got === null) continue;
      if ('read' in got) return got.read;
      throw this.#refusal(got.response, got.text);
    }
  }

  async #once<T>(path: string, asked: Asked, read: (response: HttpResponse) => Promise<T>) {
    const headers = { ...this.#headers, ...asked.headers };
    const response = await exchange(`${this.#url}${path}`, { ...asked, headers });
    const isOk = response.status >= 200 && response.status < 300;
    return isOk ? { read: await read(response) } : { response, text: await beginningOf(response.body, READ) };
  }

  #refusal({ status, headers }: Pick<HttpResponse, 'status' | 'headers'>, text: string): Error {
    if (status >= 300 && status < 400) {
      return this.error(`redirects (${status}) to ${shown(headers.location ?? 'nowhere')}: give the backend that URL`);
    }
    const { success, data } = errorSchema.safeParse(parseJson(text));
    if (!success)
      return this.error(`answered ${status} with something that is not an answer to a trace: ${shown(text)}`);
    const refused = `refused the trace: ${shown(data.error)}`;
    if (data.site) return new TraceError(`${this.#shownUrl} ${refused}`, data.site);
    return this.error(refused, undefined, BUSY.has(status));
  }

  /** An error that names the server. */
  error(what: string, cause?: unknown, isPassing = false): RemoteError {
    return new RemoteError(`${this.#shownUrl} ${what}`, isPassing, { cause });
  }

  /** Without a password. */
  get #shownUrl(): string {
    return this.#url.replace(/^(\w+:\/\/)[^/@]*@/, '$1');
  }
}

/** A text of a server in an error: some of it, without what moves a terminal's cursor. */
export function shown(text: string): string {
  const printable = text.replaceAll(/\p{Cc}+/gu, ' ');
  return printable.length > SHOWN ? `${printable.slice(0, SHOWN)}…` : printable;
}

/** Where a name has several addresses, the error has one error for each. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message || (error as NodeJS.ErrnoException).code || error.name;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
