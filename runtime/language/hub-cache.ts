import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream, existsSync, readFileSync, statSync } from 'node:fs';
import { copyFile, mkdir, rename, rm, symlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { getHFHubCachePath, getRepoFolderName } from '@huggingface/hub';

import { writeWhole } from '../onnx/replace-file.ts';
import { isCommit } from './hub-names.ts';

/** A file of a repository as the hub describes it. */
export interface HubFile {
  readonly path: string;
  /** In bytes. */
  readonly size: number;
  /** The name of its contents: the SHA-256 of a large file, Git's SHA-1 of a small one. */
  readonly hash: string;
}

/**
 * One model's folder in the cache that every Hugging Face library shares: `blobs` holds contents by their hash,
 * `snapshots/COMMIT` links names to them, `refs/REVISION` tells which commit a branch or a tag was at.
 */
export class CachedModel {
  readonly folder: string;

  constructor(id: string) {
    this.folder = join(getHFHubCachePath(), getRepoFolderName({ name: id, type: 'model' }));
  }

  /** The folder of a commit, whether it is there or not. */
  snapshot(commit: string): string {
    return join(this.folder, 'snapshots', commit);
  }

  /** The folder of a branch, a tag or a commit as last seen, or null. */
  find(revision: string): string | null {
    const ref = join(this.folder, 'refs', revision);
    const commit = existsSync(ref) && statSync(ref).isFile() ? readFileSync(ref, 'utf8').trim() : revision;
    if (!isCommit(commit)) return null;
    const folder = this.snapshot(commit);
    return existsSync(folder) ? folder : null;
  }

  async remember(revision: string, commit: string): Promise<void> {
    if (revision === commit) return;
    const ref = join(this.folder, 'refs', revision);
    await mkdir(dirname(ref), { recursive: true });
    writeWhole(ref, commit);
  }

  /**
   * Where the contents of a file stand; `contents` is called only if the cache does not have them yet, and they stand there
   * only when they are whole. Throws an `Error` if the size or hash differs from the hub's.
   */
  async fetch(file: HubFile, contents: () => Promise<AsyncIterable<Uint8Array>>): Promise<string> {
    const blob = join(this.folder, 'blobs', file.hash);
    if (!existsSync(blob)) {
      await mkdir(dirname(blob), { recursive: true });
      // Two programs may fetch the same file at once: each writes its own, and the last one to finish stays.
      const partial = `${blob}.${randomUUID()}.incomplete`;
      try {
        await pipeline(await contents(), checked(file), createWriteStream(partial));
        await rename(partial, blob);
      } finally {
        await rm(partial, { force: true });
      }
    }
    return blob;
  }

  /** Puts contents into a commit's folder, under their name. */
  add(commit: string, { path }: HubFile, blob: string): Promise<void> {
    return link(blob, join(this.snapshot(commit), path));
  }
}

function checked({ path, size, hash }: HubFile): Transform {
  const digest = hash.length === 64 ? createHash('sha256') : createHash('sha1').update(`blob ${size}\0`);
  let received = 0;
  return new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      received += chunk.length;
      digest.update(chunk);
      // Nothing is written of a file that does not end.
      if (received > size) done(new Error(`${path} has ${size} bytes, but more were received`));
      else done(null, chunk);
    },
    flush(done) {
      if (received !== size) done(new Error(`${path} has ${size} bytes, but ${received} were received`));
      else if (digest.digest('hex') !== hash)
        done(new Error(`${path} was damaged on the way: its hash is not ${hash}`));
      else done();
    },
  });
}

async function link(blob: string, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await rm(path, { force: true });
  try {
    await symlink(relative(dirname(path), blob), path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    // Windows allows links to administrators and developers only.
    await copyFile(blob, path);
  }
}
