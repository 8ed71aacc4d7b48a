import * as z from 'zod';
import type { NewToken, TraceRequest } from '../types/backend.ts';
import type { HttpBody } from './http-exchange.ts';
import type { ToldTokens } from './told-tokens.ts';

const progressSchema = z.tuple([z.number(), z.number()]);
const whole = z.int().nonnegative();
const tokenSchema = z.object({ id: whole, row: whole, step: whole, generation: whole.optional() });

/** How many characters an event has at most. */
const LONGEST = 2 ** 16;

/** What a server streams of one job (server-sent events, each with one line of data), over as many connections as it takes. */
export class ServerEvents {
  readonly #told: Pick<TraceRequest, 'onProgress' | 'onToken'>;
  readonly #wrong: (why: string) => Error;
  readonly #sequence: ToldTokens | null;
  /** How many tokens were told: a new connection begins with the first one again. */
  #tokens = 0;
  #count = 0;

  /**
   * @param sequence takes the tokens
   * @param wrong makes the error for a stream that is none
   */
  constructor(
    told: Pick<TraceRequest, 'onProgress' | 'onToken'>,
    sequence: ToldTokens | null,
    wrong: (why: string) => Error,
  ) {
    this.#told = told;
    this.#sequence = sequence;
    this.#wrong = wrong;
  }

  /** How many events there were, progress and tokens. */
  get count(): number {
    return this.#count;
  }

  /** Reads them until the server says that the job has ended. False if the stream breaks before. */
  async read(body: HttpBody): Promise<boolean> {
    const pieces = body[Symbol.asyncIterator]();
    const decoder = new TextDecoder();
    let open = '';
    let tokens = 0;
    try {
      for (;;) {
        const piece = await pieces.next().catch(() => null);
        if (!piece || piece.done) return false;
        const events = (open + decoder.decode(piece.value, { stream: true })).split('\n\n');
        open = events.pop()!;
        if (open.length > LONGEST) throw this.#wrong('one of its events has no end');
        for (const event of events) {
          const [, name, data] = /^event: (\w+)\ndata: (.*)$/.exec(event) ?? [];
          if (name === 'end') return true;
          this.#count++;
          if (name === 'progress') await this.#told.onProgress?.(...this.#parsed(progressSchema, data!, 'no progress'));
          if (name === 'token' && ++tokens > this.#tokens) {
            this.#tokens = tokens;
            const { generation, ...token } = this.#next(data!);
            await this.#told.onToken?.({ ...token, ...(generation !== undefined && { generation }) });
          }
        }
      }
    } finally {
      // Where the callback has failed, nobody waits for the rest.
      body.destroy();
    }
  }

  #next(data: string): z.infer<typeof tokenSchema> {
    const token = this.#parsed(tokenSchema, data, 'no token');
    try {
      this.#sequence?.add(token as NewToken);
    } catch (error) {
      throw this.#wrong((error as Error).message);
    }
    return token;
  }

  #parsed<T>(schema: z.ZodType<T>, data: string, what: string): T {
    try {
      return schema.parse(JSON.parse(data));
    } catch {
      throw this.#wrong(`one of its events tells ${what}`);
    }
  }
}
