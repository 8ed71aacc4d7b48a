/**
 * The bytes of a response. Throws a RangeError where there are more than `most`, without reading on: what is compressed on
 * its way may become any size.
 * @param heard called for each piece that comes, with its bytes
 */
export async function limitedBody(
  body: AsyncIterable<Uint8Array>,
  most: number,
  heard: (bytes: number) => void = () => {},
): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of body) {
    heard(piece.byteLength);
    size += piece.byteLength;
    if (size > most) throw new RangeError(`it has more than ${most} bytes`);
    pieces.push(piece);
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.byteLength;
  }
  return bytes;
}

/** The first characters of a response, up to about `most` of them. */
export async function beginningOf(body: AsyncIterable<Uint8Array>, most: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const piece of body) {
    text += decoder.decode(piece, { stream: true });
    if (text.length > most) break;
  }
  return text;
}

/** What comes of a response of `fetch`, which ends where nobody reads on. Not every browser has streams in `for await`. */
export async function* piecesOf({ body }: Response): AsyncGenerator<Uint8Array> {
  const reader = body?.getReader();
  if (!reader) return;
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  } finally {
    reader.cancel().catch(() => {});
  }
}
