import { randomUUID } from 'node:crypto';
import { TraceError } from '../errors.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { callerSite } from '../tracing/caller.ts';
import type { Backend, TraceRequest } from '../types/backend.ts';
import { MILLISECONDS, TEXT, TEXTS_BY_NAME } from './option-kinds.ts';
import { checkNoMore, checkOptions } from './options.ts';
import { RemoteJob } from './remote-job.ts';
import { ServerConnection } from './server-connection.ts';

/** How a `RemoteBackend` asks. */
export interface RemoteOptions {
  /** What the server knows its users by. */
  readonly token?: string;
  /** Further headers of every request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** How long an answer may take, in milliseconds: ten minutes unless given. */
  readonly timeout?: number;
}

const TEN_MINUTES = 600_000;

/** The form of a job's id. */
const ID = /^[\w.~-]{1,128}$/;

/**
 * Sends traces to a server that holds the model, and gets the saved tensors back. Nothing of an answer is taken that is not
 * what the trace saves. Redirects are not followed: the headers and the trace are for this server alone. A trace whose
 * connection breaks is asked for again, and does not run twice.
 */
export class RemoteBackend implements Backend {
  /** Runs the traces that have `remote: true`. Unless set, it is the server at `ONNSIGHT_URL`, with `ONNSIGHT_TOKEN`. */
  static default: Backend | null = null;

  readonly #connection: ServerConnection;
  readonly #timeout: number;

  /** @param url of a server of `npx onnsight serve`: `https://models.example.org` */
  constructor(url: string, options: RemoteOptions = {}, ...rest: readonly never[]) {
    checkNoMore('new RemoteBackend(url, options)', rest);
    if (typeof url !== 'string' || !/^https?:\/\//.test(url)) {
      throw new TraceError(
        'RemoteBackend takes the address of a server as a text: http://localhost:8080.',
        callerSite(),
      );
    }
    checkOptions('RemoteBackend', options, { token: TEXT, headers: TEXTS_BY_NAME, timeout: MILLISECONDS });
    const { token, headers = {}, timeout = TEN_MINUTES } = options;
    this.#connection = new ServerConnection(url, { ...headers, ...(token && { authorization: `Bearer ${token}` }) });
    this.#timeout = timeout;
  }

  run(request: TraceRequest): Promise<(Tensor | undefined)[]> {
    return this.#job(randomUUID(), false).run(request);
  }

  /**
   * A backend for one trace that goes on when this process ends: give it to the trace, ask for its `status`, and trace the
   * same under the same id later to get the result.
   * @param id up to 128 letters, digits and `_.~-`; chosen at random unless given
   */
  job(id: string = randomUUID()): RemoteJob {
    if (!ID.test(id)) {
      throw new TraceError(
        `The id of a job is up to 128 letters, digits and any of _ . ~ -, not ${JSON.stringify(id)}.`,
        callerSite(),
      );
    }
    return this.#job(id, true);
  }

  #job(id: string, detached: boolean): RemoteJob {
    return new RemoteJob(id, { connection: this.#connection, timeout: this.#timeout, detached });
  }
}

/** The backend of traces that have `remote: true`. Throws a TraceError if none is configured. */
export function defaultBackend(): Backend {
  if (RemoteBackend.default) return RemoteBackend.default;
  const { ONNSIGHT_URL: url, ONNSIGHT_TOKEN: token } = process.env;
  if (url) return new RemoteBackend(url, token ? { token } : {});
  throw new TraceError(
    "remote: true needs a server. Set RemoteBackend.default = new RemoteBackend('https://…'), or the environment variable ONNSIGHT_URL.",
    callerSite(),
  );
}
