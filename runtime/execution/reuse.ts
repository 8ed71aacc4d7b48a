import { refuseMore } from '../arguments.ts';
import { UserError } from '../errors.ts';
import { ort } from '../ort/ort.ts';
import type { SessionTensor } from '../ort/port.ts';

/** How many runs of one program are remembered: of those that a sweep starts from, and of those that vary them. */
const BASES = 4;
const VARIANTS = 2;

/** A program that was fed something new so often in a row will be again: its runs are not remembered any more. */
const HOPELESS = 16;

/** How many programs of a model are remembered. */
const PROGRAMS = 1024;

/** How many bytes of tensors a scope holds on to, unless it is told otherwise. */
const LIMIT = 256 * 2 ** 20;

/** One run of a program: what it was fed and what it gave. */
interface Run {
  readonly feeds: readonly SessionTensor[];
  readonly outputs: readonly SessionTensor[];
  readonly bytes: number;
  readonly siblings: Run[];
}

/** The runs of one program, the one used least recently first. */
interface History {
  readonly bases: Run[];
  readonly variants: Run[];
  misses: number;
}

/** What programs of models gave, and on which feeds. */
export class KnownRuns {
  private readonly limit: number;
  /** By the compiled programs of a model. Weak: a scope may outlive its models. */
  private readonly owners = new WeakMap<object, Map<string, History>>();
  /** All runs, the one used least recently first. */
  private readonly runs = new Set<Run>();
  private held = 0;

  /** @param limit how many bytes of tensors to hold on to */
  constructor(limit: number) {
    this.limit = limit;
  }

  /** The bytes of the tensors that it holds on to. */
  get bytes(): number {
    return this.held;
  }

  /** What a program of a model (`owner`) gave on equal feeds, or null. */
  recall(owner: object, key: string, feeds: readonly SessionTensor[]): readonly SessionTensor[] | null {
    const history = this.history(owner, key);
    const isSame = (run: Run) => run.feeds.every((feed, i) => ort.isSame(feed, feeds[i]!));
    const found = history.bases.find(isSame) ?? history.variants.find(isSame);
    history.misses = found ? 0 : history.misses + 1;
    if (!found) return null;
    found.siblings.splice(found.siblings.indexOf(found), 1);
    found.siblings.push(found);
    this.runs.delete(found);
    this.runs.add(found);
    return found.outputs;
  }

  /** Whether a run of a program is worth keeping. `isBase`: it depends on the model's inputs alone. */
  isWanted(owner: object, key: string, isBase: boolean): boolean {
    return isBase || this.history(owner, key).misses < HOPELESS;
  }

  /** Keeps a run. Neither `feeds` nor `outputs` may change afterwards. */
  remember(
    owner: object,
    key: string,
    isBase: boolean,
    feeds: readonly SessionTensor[],
    outputs: readonly SessionTensor[],
  ): void {
    const bytes = sizeOf([...feeds, ...outputs]);
    if (bytes > this.limit / 8) return;
    const { bases, variants } = this.history(owner, key);
    const siblings = isBase ? bases : variants;
    if (siblings.length === (isBase ? BASES : VARIANTS)) this.forget(siblings[0]!);
    const run = { feeds, outputs, bytes, siblings };
    siblings.push(run);
    this.runs.add(run);
    this.held += bytes;
    for (const oldest of this.runs) {
      if (this.held <= this.limit) break;
      this.forget(oldest);
    }
  }

  private history(owner: object, key: string): History {
    const keys = this.owners.get(owner) ?? new Map<string, History>();
    this.owners.set(owner, keys);
    const history = keys.get(key) ?? { bases: [], variants: [], misses: 0 };
    keys.set(key, history);
    if (keys.size > PROGRAMS) {
      const [oldest, { bases, variants }] = keys.entries().next().value!;
      for (const run of [...bases, ...variants]) this.forget(run);
      keys.delete(oldest);
    }
    return history;
  }

  private forget(run: Run): void {
    run.siblings.splice(run.siblings.indexOf(run), 1);
    this.runs.delete(run);
    this.held -= run.bytes;
  }
}

/** The bytes of tensors; a letter of a text has two. */
export function sizeOf(tensors: readonly SessionTensor[]): number {
  return tensors.reduce((sum, { data }) => {
    const texts: readonly unknown[] = Array.isArray(data) ? data : [];
    return sum + texts.reduce((all: number, text) => all + 2 * String(text).length, data.byteLength ?? 0);
  }, 0);
}

/** The runs that a scope knows. */
export let runsOf: (scope: ReuseScope) => KnownRuns;

/**
 * What the runs of a session or a sweep share: a part of a model that is fed the same again does not run again. What draws
 * random numbers always runs.
 */
export class ReuseScope {
  readonly #runs: KnownRuns;

  static {
    runsOf = (scope) => scope.#runs;
  }

  /** @param limit how many bytes of tensors to hold on to: 256 MiB unless given */
  constructor(limit: number = LIMIT, ...more: readonly never[]) {
    refuseMore('new ReuseScope(limit)', more);
    if (!(Number.isFinite(limit) && limit >= 0)) throw new UserError('The limit of a ReuseScope is a number of bytes.');
    this.#runs = new KnownRuns(limit);
  }
}
