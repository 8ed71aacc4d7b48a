import { limitedBody, piecesOf } from '../api/limited-body.ts';
import { BundleError } from './error.ts';

/** How many bytes a manifest may have. */
export const MANIFEST_BYTES = 2 ** 26;

/** How long a server may send less than a byte for each millisecond, in milliseconds. */
const SILENCE = 60_000;

/**
 * Reads a file of a bundle from the web, or as a bundler has included it. Throws a BundleError if it cannot be had.
 * @param most how many bytes it has at most: no more are read
 */
export async function fetchFile(url: URL, most: number, silence = SILENCE): Promise<Uint8Array<ArrayBuffer>> {
  const abort = new AbortController();
  let come = 0;
  const late = () =>
    abort.abort(new Error(`${come === 0 ? 'nothing' : 'next to nothing'} has come for ${silence / 1000} s`));
  let timer = setTimeout(late, silence);
  // A server that sends byte by byte would keep a program waiting for years.
  const heard = (bytes: number) => {
    come += bytes;
    if (come < silence) return;
    come = 0;
    clearTimeout(timer);
    timer = setTimeout(late, silence);
  };
  try {
    const response = await fetch(url, { signal: abort.signal });
    if (!response.ok) throw new BundleError(`${url} is missing: the server answered ${response.status}.`);
    heard(silence);
    return await limitedBody(piecesOf(response), most, heard);
  } catch (error) {
    if (error instanceof BundleError) throw error;
    if (error instanceof RangeError) throw new BundleError(`${url} is too long: ${error.message}.`, { cause: error });
    throw new BundleError(`${url} cannot be fetched: ${error instanceof Error ? error.message : error}.`, {
      cause: error,
    });
  } finally {
    clearTimeout(timer);
  }
}
