import type { Site } from '../graph/types.ts';
import { userFrame } from '../user-frames.ts';
import { shownFile } from './shown-file.ts';

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

/** The site in an error's own stack. */
export function siteOfError(error: Error): Site | null {
  return firstOutside(error.stack ?? '');
}

function firstOutside(stack: string): Site | null {
  for (const line of stack.split('\n').slice(1)) {
    const frame = userFrame(line);
    if (frame) return { ...frame, file: shownFile(frame.file) };
  }
  return null;
}
