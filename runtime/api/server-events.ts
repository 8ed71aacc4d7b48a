import * as z from 'zod';

const progressSchema = z.tuple([z.number(), z.number()]);

/**
 * Reads the progress that a server streams of a job (server-sent events, each with one line of data), until it says that the
 * job has ended. False if the stream breaks before.
 */
export async function readProgress(
  body: ReadableStream<Uint8Array>,
  onProgress: (done: number, total: number) => void,
): Promise<boolean> {
  const reader = body.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>).getReader();
  let open = '';
  try {
    for (;;) {
      const chunk = await reader.read().catch(() => null);
      if (!chunk || chunk.done) return false;
      const events = (open + chunk.value).split('\n\n');
      open = events.pop()!;
      for (const event of events) {
        const [, name, data] = /^event: (\w+)\ndata: (.*)$/.exec(event) ?? [];
        if (name === 'end') return true;
        if (name === 'progress') await onProgress(...progressSchema.parse(JSON.parse(data!)));
      }
    }
  } finally {
    // Where the callback has failed, nobody waits for the rest.
    reader.cancel().catch(() => {});
  }
}
