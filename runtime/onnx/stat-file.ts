import { type Stats, statSync } from 'node:fs';
import { ModelError } from './error.ts';

/** What stands at a path, undefined if nothing does. Throws a ModelError for what is no path, and for links that lead nowhere. */
export function statFile(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw new ModelError(`${JSON.stringify(path)} cannot be read: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    });
  }
}
