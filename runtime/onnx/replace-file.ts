import { existsSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';

let made = 0;

/**
 * Makes a file beside its place and moves it there: whoever reads it finds the old one or the new one, whole, however many
 * programs write it at a time.
 * @param make makes the file at a path
 */
export function replaceFile<T>(path: string, make: (beside: string) => T): T {
  const beside = `${path}.${process.pid}-${made++}.tmp`;
  try {
    const result = make(beside);
    renameSync(beside, path);
    return result;
  } finally {
    rmSync(beside, { force: true });
  }
}

/** The same with a content that is known. A link stays, and what it points at is replaced. */
export function writeWhole(path: string, content: string | Uint8Array): void {
  const target = existsSync(path) ? realpathSync(path) : path;
  replaceFile(target, (beside) => writeFileSync(beside, content));
}
