import type { Tensor as OrtTensor } from 'onnxruntime-node';
import { byteSize, sameBytes } from './ort.ts';

/** How many runs of one piece are remembered. */
const RUNS = 6;

/** How many bytes of tensors a scope holds on to, unless it is told otherwise. */
const LIMIT = 256 * 2 ** 20;

/** One run of a piece: what it was fed and what it gave. */
interface Run {
  readonly feeds: readonly OrtTensor[];
  readonly outputs: readonly OrtTensor[];
  readonly bytes: number;
  hits: number;
}

/**
 * What pieces of models gave, within a session or a sweep: a piece that is fed the same again need not run. Pieces that
 * draw random numbers always run.
 */
export class ReuseScope {
  private readonly limit: number;
  private readonly owners = new WeakMap<object, Map<string, Run[]>>();
  /** All runs, the one used least recently first. */
  private readonly runs = new Map<Run, Run[]>();
  private bytes = 0;

  /** @param limit how many bytes of tensors to hold on to */
  constructor(limit: number = LIMIT) {
    this.limit = limit;
  }

  /** What a piece of a model (`owner`) gave on equal feeds, or null. */
  recall(owner: object, key: string, feeds: readonly OrtTensor[]): readonly OrtTensor[] | null {
    const found = this.owners
      .get(owner)
      ?.get(key)
      ?.find((run) => run.feeds.every((feed, i) => sameBytes(feed, feeds[i]!)));
    if (!found) return null;
    found.hits++;
    const siblings = this.runs.get(found)!;
    this.runs.delete(found);
    this.runs.set(found, siblings);
    return found.outputs;
  }

  /** Keeps a run. Neither `feeds` nor `outputs` may change afterwards. */
  remember(owner: object, key: string, feeds: readonly OrtTensor[], outputs: readonly OrtTensor[]): void {
    const bytes = [...feeds, ...outputs].reduce((sum, tensor) => sum + byteSize(tensor), 0);
    if (bytes > this.limit / 8) return;
    const keys = this.owners.get(owner) ?? new Map<string, Run[]>();
    this.owners.set(owner, keys);
    const siblings = keys.get(key) ?? [];
    keys.set(key, siblings);
    if (siblings.length === RUNS) this.forget(leastUseful(siblings));
    const run = { feeds, outputs, bytes, hits: 0 };
    siblings.push(run);
    this.runs.set(run, siblings);
    this.bytes += bytes;
    for (const oldest of this.runs.keys()) {
      if (this.bytes <= this.limit) break;
      this.forget(oldest);
    }
  }

  private forget(run: Run): void {
    const siblings = this.runs.get(run)!;
    siblings.splice(siblings.indexOf(run), 1);
    this.runs.delete(run);
    this.bytes -= run.bytes;
  }
}

/** The run with the fewest hits; of equals the latest: a sweep begins with the run that the others vary. */
function leastUseful(runs: readonly Run[]): Run {
  return runs.reduce((least, run) => (run.hits <= least.hits ? run : least));
}
