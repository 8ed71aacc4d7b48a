/** The output of the process, on either stream, while `run` goes on. */
export async function printed(run: () => Promise<unknown>): Promise<string> {
  let text = '';
  const streams = [process.stdout, process.stderr].map((stream) => ({ stream, write: stream.write }));
  for (const { stream } of streams) {
    stream.write = (chunk: string | Uint8Array) => {
      text += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();
      return true;
    };
  }
  try {
    await run();
  } finally {
    for (const { stream, write } of streams) stream.write = write;
  }
  return text;
}
