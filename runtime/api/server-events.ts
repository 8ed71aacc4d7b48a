import * as z from 'zod';
import type { TraceRequest } from '../types/backend.ts';

const progressSchema = z.tuple([z.number(), z.number()]);
const tokenSchema = z.object({
  id: z.number(),
  row: z.number(),
  step: z.number(),
  generation: z.number().optional(),
});

/** What a server streams of one job (server-sent events, each with one line of data), over as many connections as it takes. */
export class ServerEvents {
  readonly #told: Pick<TraceRequest, 'onProgress' | 'onToken'>;
  /** How many tokens were told: a new connection begins with the first one again. */
  #tokens = 0;

  constructor(told: Pick<TraceRequest, 'onProgress' | 'onToken'>) {
    this.#told = told;
  }

  /** Reads them until the server says that the job has ended. False if the stream breaks before. */
  async read(body: ReadableStream<Uint8Array>): Promise<boolean> {
    const reader = body.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>).getReader();
    let open = '';
    let tokens = 0;
    try {
      for (;;) {
        const chunk = await reader.read().catch(() => null);
        if (!chunk || chunk.done) return false;
        const events = (open + chunk.value).split('\n\n');
        open = events.pop()!;
        for (const event of events) {
          const [, name, data] = /^event: (\w+)\ndata: (.*)$/.exec(event) ?? [];
          if (name === 'end') return true;
          if (name === 'progress') await this.#told.onProgress?.(...progressSchema.parse(JSON.parse(data!)));
          if (name === 'token' && ++tokens > this.#tokens) {
            this.#tokens = tokens;
            const { generation, ...token } = tokenSchema.parse(JSON.parse(data!));
            await this.#told.onToken?.({ ...token, ...(generation !== undefined && { generation }) });
          }
        }
      }
    } finally {
      // Where the callback has failed, nobody waits for the rest.
      reader.cancel().catch(() => {});
    }
  }
}
