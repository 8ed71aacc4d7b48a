import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The store of servers and workers of one machine. */
export const USUAL_STORE = join(tmpdir(), 'onnsight-store');

/** Where bytes lie that are too large for Redis: a folder that all processes see, or anything else that keeps bytes under keys. */
export interface AnswerStore {
  /** @param key letters, digits and dashes */
  put(key: string, bytes: Uint8Array): Promise<void>;
  /** The bytes of a key; null if there are none, or not any more. */
  get(key: string): Promise<Uint8Array | null>;
  /** Removes what is older, in milliseconds. */
  sweep(age: number): Promise<void>;
}

/** Bytes as files of a folder. */
export class FolderStore implements AnswerStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    // Whoever reads finds all of it, or nothing.
    const part = join(this.#folder, `${key}.${randomUUID()}.part`);
    await writeFile(part, bytes, { mode: 0o600 });
    await rename(part, join(this.#folder, key));
  }

  async get(key: string): Promise<Uint8Array | null> {
    return readFile(join(this.#folder, key)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw error;
    });
  }

  async sweep(age: number): Promise<void> {
    const names = await readdir(this.#folder).catch(() => []);
    for (const name of names) {
      const path = join(this.#folder, name);
      const { mtimeMs = Infinity } = await stat(path).catch(() => ({ mtimeMs: undefined }));
      if (mtimeMs < Date.now() - age) await rm(path, { force: true });
    }
  }
}
