import { fileURLToPath } from 'node:url';
import type { Site } from '../graph/types.ts';

const own = fileURLToPath(new URL('..', import.meta.url));

/** The innermost place on the stack that is not this library's own: the user's line. */
export function callerSite(): Site | null {
  const lines = (new Error().stack ?? '').split('\n').slice(1);
  for (const line of lines) {
    const match = /\(?((?:file:\/\/|\/|[A-Za-z]:\\)[^()]*?):(\d+):(\d+)\)?$/.exec(line);
    if (!match) continue;
    const file = match[1]!.startsWith('file:') ? fileURLToPath(match[1]!.replace(/\?.*$/, '')) : match[1]!;
    if (file.startsWith(own) || file.includes('node:internal')) continue;
    return { file, line: Number(match[2]), column: Number(match[3]) };
  }
  return null;
}
