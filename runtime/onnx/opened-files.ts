import { statSync } from 'node:fs';

/**
 * What tells a file from another one at its path, and from itself with other content: some of Node's BigIntStats, whose types
 * a project that uses this package's declarations need not have.
 */
type Identity = Readonly<Record<'dev' | 'ino' | 'size' | 'mtimeNs' | 'ctimeNs', bigint>>;

/**
 * Files as they were when they were opened. Sessions read weights from them again and again, some while they run: a file
 * that changes meanwhile would give results of old and new weights.
 */
export class OpenedFiles {
  /** By path. */
  readonly #files = new Map<string, Identity>();

  add(path: string, { dev, ino, size, mtimeNs, ctimeNs }: Identity): void {
    this.#files.set(path, { dev, ino, size, mtimeNs, ctimeNs });
  }

  /** These files and others. */
  and(others: OpenedFiles): OpenedFiles {
    const both = new OpenedFiles();
    for (const [path, identity] of [...this.#files, ...others.#files]) both.add(path, identity);
    return both;
  }

  /** What became of the first file that is no longer what was opened, in a clause that names it; null if all are. */
  changed(): string | null {
    for (const [path, was] of this.#files) {
      let is: Identity | undefined;
      try {
        is = statSync(path, { bigint: true, throwIfNoEntry: false });
      } catch (error) {
        return `${path} became something that cannot be read (${error instanceof Error ? error.message : error})`;
      }
      if (is === undefined) return `${path} is gone: it was removed or renamed`;
      if (is.dev !== was.dev || is.ino !== was.ino) return `${path} is another file now: it was replaced`;
      if (is.size !== was.size) return `${path} was written to: it had ${was.size} bytes and has ${is.size} now,`;
      if (is.mtimeNs !== was.mtimeNs) return `${path} was written to`;
      // Who writes may put the other time back, as copying with -p does. This one changes with names and rights, too.
      if (is.ctimeNs !== was.ctimeNs) return `${path} may have been written to: its status changed`;
    }
    return null;
  }
}
