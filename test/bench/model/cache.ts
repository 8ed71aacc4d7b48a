import { mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** The folder where the bench's models are kept. */
export function cacheFolder(): string {
  const folder = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'onnsight', 'bench');
  mkdirSync(folder, { recursive: true });
  return folder;
}
