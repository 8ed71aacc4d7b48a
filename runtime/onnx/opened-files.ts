import { closeSync, fstatSync, openSync, statSync } from 'node:fs';

/**
 * What tells a file from another one at its path, and from itself with other content: some of Node's BigIntStats, whose types
 * a project that uses this package's declarations need not have.
 */
type Identity = Readonly<Record<'dev' | 'ino' | 'size' | 'mtimeNs' | 'ctimeNs', bigint>>;

/** A file that is held open, and its state then. */
interface HeldFile {
  readonly descriptor: number;
  readonly size: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
}

/** Closes what is no longer used by anyone. */
const unused = new FinalizationRegistry((held: Map<string, HeldFile>) => closeAll(held));

/**
 * Files as they were when they were opened. Sessions read weights from them again and again, some while they run: a file
 * that changes meanwhile would give results of old and new weights.
 */
export class OpenedFiles {
  /** By path. */
  readonly #files = new Map<string, Identity>();
  /** Some of them, by path: of an open file the system tells its state several times as fast as of a path. */
  readonly #held = new Map<string, HeldFile>();

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

  /**
   * Whether one of the files has changed, told of those that were opened: a file that is replaced or removed has another
   * status, too. What stands at their paths by now is not asked, so that this does for those who open nothing by its path.
   */
  haveChanged(): boolean {
    for (const [path, was] of this.#files) {
      const held = this.#held.get(path) ?? this.#hold(path, was);
      if (!held) return true;
      const { size, mtimeMs, ctimeMs } = fstatSync(held.descriptor);
      if (size !== held.size || mtimeMs !== held.mtimeMs || ctimeMs !== held.ctimeMs) return true;
    }
    return false;
  }

  /** Null if what stands there is not what was opened. */
  #hold(path: string, was: Identity): HeldFile | null {
    let descriptor: number;
    try {
      descriptor = openSync(path, 'r');
    } catch {
      return null;
    }
    const is = fstatSync(descriptor, { bigint: true });
    const isSame = (['dev', 'ino', 'size', 'mtimeNs', 'ctimeNs'] as const).every((key) => is[key] === was[key]);
    const { size, mtimeMs, ctimeMs } = fstatSync(descriptor);
    if (this.#held.size === 0) unused.register(this, this.#held);
    this.#held.set(path, { descriptor, size, mtimeMs, ctimeMs });
    return isSame ? this.#held.get(path)! : null;
  }

  /** Closes those that are held open. They are opened again when they are asked for. */
  close(): void {
    closeAll(this.#held);
  }
}

function closeAll(held: Map<string, HeldFile>): void {
  for (const { descriptor } of held.values()) closeSync(descriptor);
  held.clear();
}
