import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MISTAKES_LATER } from './mistakes-later.ts';
import { packageVersion } from './version.ts';

/** How many programs are kept: with more, the half that was compiled first goes. */
const KEPT = 1000;

/** What is kept of one program: for exactly which text, and which files besides it, as they were. */
interface Entry {
  readonly key: string;
  readonly read: readonly (readonly [path: string, content: string | null])[];
  readonly code: string | null;
}

/**
 * A program that was compiled before, kept in the user's cache folder, so that TypeScript need not be loaded for one that
 * has not changed. There is one file for each program: it holds the newest version. Where it cannot be read or
 * written, all goes on without. ONNSIGHT_CACHE names another folder.
 */
export class CompiledFile {
  private readonly path: string;
  private readonly key: string;

  constructor(text: string, file: string, format: 'module' | 'commonjs') {
    // errors and sites name the file from the working directory
    const place = hash(file, format, process.cwd());
    const caches = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
    this.path = join(process.env.ONNSIGHT_CACHE ?? join(caches, 'onnsight'), 'compiled', `${place}.json`);
    this.key = hash(text, file, process.cwd(), packageVersion(), ownBuild(), process.env[MISTAKES_LATER] ?? '');
  }

  /** What was written for the same text; null if there is nothing, or not all is as it was. */
  read(): { readonly code: string | null } | null {
    try {
      const entry = JSON.parse(readFileSync(this.path, 'utf8')) as Entry;
      return entry.key === this.key && entry.read.every(([path, content]) => contentOf(path) === content)
        ? { code: entry.code }
        : null;
    } catch {
      return null;
    }
  }

  /**
   * Keeps what the program was compiled to.
   * @param read the files besides it that this depends on, whether they are there or not
   */
  write(code: string | null, read: readonly string[]): void {
    const entry: Entry = { key: this.key, read: read.map((path) => [path, contentOf(path)]), code };
    try {
      mkdirSync(dirname(this.path), { recursive: true });
      makeRoom(dirname(this.path));
      // as a whole, since another process may read it now
      const own = `${this.path}.${process.pid}`;
      writeFileSync(own, JSON.stringify(entry));
      renameSync(own, this.path);
    } catch {
      // a folder that cannot be written to
    }
  }
}

function makeRoom(folder: string): void {
  const paths = readdirSync(folder).map((name) => join(folder, name));
  if (paths.length < KEPT) return;
  const times = new Map(paths.map((path) => [path, statSync(path).mtimeMs]));
  const oldestFirst = paths.sort((a, b) => times.get(a)! - times.get(b)!);
  for (const path of oldestFirst.slice(0, KEPT / 2)) rmSync(path, { force: true });
}

function contentOf(path: string): string | null {
  try {
    return hash(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
}

function hash(...parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

/** A build of this package over an older one of the same version forgets what that has compiled. */
function ownBuild(): string {
  return String(statSync(fileURLToPath(import.meta.url)).mtimeMs);
}
