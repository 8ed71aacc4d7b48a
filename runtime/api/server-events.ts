import * as z from 'zod';

const progressSchema = z.tuple([z.number(), z.number()]);

/** How many characters an event has at most. */
const LONGEST = 2 ** 16;

/**
 * The progress that a server streams of a job (server-sent events, each with one line of data), and that it has ended. It
 * stops without that where the connection breaks.
 * @param wrong makes the error for a stream that is none
 */
export async function* progressIn(
  body: ReadableStream<Uint8Array>,
  wrong: (why: string) => Error,
): AsyncGenerator<readonly [done: number, total: number] | 'end'> {
  const reader = body.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>).getReader();
  let open = '';
  try {
    for (;;) {
      const chunk = await reader.read().catch(() => null);
      if (!chunk || chunk.done) return;
      const events = (open + chunk.value).split('\n\n');
      open = events.pop()!;
      if (open.length > LONGEST) throw wrong('one of its events has no end');
      for (const event of events) {
        const [, name, data] = /^event: (\w+)\ndata: (.*)$/.exec(event) ?? [];
        if (name === 'end') yield 'end';
        if (name === 'progress') yield progressOf(data!, wrong);
      }
    }
  } finally {
    // Where nobody waits for the rest any more.
    reader.cancel().catch(() => {});
  }
}

function progressOf(data: string, wrong: (why: string) => Error): [number, number] {
  try {
    return progressSchema.parse(JSON.parse(data));
  } catch {
    throw wrong('one of its events tells no progress');
  }
}
