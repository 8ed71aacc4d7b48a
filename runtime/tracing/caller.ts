import { fileURLToPath } from 'node:url';
import type { Site } from '../graph/types.ts';

const own = fileURLToPath(new URL('..', import.meta.url));

/** The innermost place on the stack that is not this library's own: the user's line. */
export function callerSite(): Site | null {
  for (const line of stackLines()) {
    const match = /\(?((?:file:\/\/|\/|[A-Za-z]:\\)[^()]*?):(\d+):(\d+)\)?$/.exec(line);
    if (!match) continue;
    const file = match[1]!.startsWith('file:') ? fileURLToPath(match[1]!.replace(/\?.*$/, '')) : match[1]!;
    if (file.startsWith(own) || file.includes('node:internal')) continue;
    return { file, line: Number(match[2]), column: Number(match[3]) };
  }
  return null;
}

/** More of the stack than Node shows: proxies and accessors put many frames between the user's line and here. */
const FRAMES = 50;

function stackLines(): string[] {
  const usual = Error.stackTraceLimit;
  Error.stackTraceLimit = FRAMES;
  try {
    return (new Error().stack ?? '').split('\n').slice(1);
  } finally {
    Error.stackTraceLimit = usual;
  }
}
