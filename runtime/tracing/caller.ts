import { fileURLToPath } from 'node:url';
import type { Site } from '../graph/types.ts';
import { shownFile } from './shown-file.ts';

const own = fileURLToPath(new URL('..', import.meta.url));

/** More of the stack than Node shows: proxies and accessors put many frames between the user's line and here. */
const FRAMES = 50;

/** The frames between the functions that every trace calls and the user's line, and some to spare: each costs time. */
const FEW = 16;

/** The innermost site on the stack that is not this library's own: the user's line. */
export function callerSite(): Site | null {
  return laterSite(FRAMES)();
}

/**
 * The same site, kept without the work of finding it: the stack is formatted when the function is called. As long as
 * the function is held, so are the functions on the stack.
 */
export function laterSite(frames = FEW): () => Site | null {
  const usual = Error.stackTraceLimit;
  Error.stackTraceLimit = frames;
  const taken = new Error();
  Error.stackTraceLimit = usual;
  return () => firstOutside(taken.stack ?? '');
}

function firstOutside(stack: string): Site | null {
  for (const line of stack.split('\n').slice(1)) {
    const match = /\(?((?:file:\/\/|\/|[A-Za-z]:\\)[^()]*?):(\d+):(\d+)\)?$/.exec(line);
    if (!match) continue;
    const file = match[1]!.startsWith('file:') ? fileURLToPath(match[1]!.replace(/\?.*$/, '')) : match[1]!;
    if (file.startsWith(own) || file.includes('node:internal')) continue;
    return { file: shownFile(file), line: Number(match[2]), column: Number(match[3]) };
  }
  return null;
}
