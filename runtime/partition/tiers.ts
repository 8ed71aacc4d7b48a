/**
 * What handing its tensors to the next session costs a segment, in milliseconds: measured on models from 4 layers of 256 to 12
 * of 768, as the difference to one session.
 */
const HANDOVER = 0.2;

/** After how many runs as one session it is seen, each time, whether that was worth it, and how many runs are compared. */
const [TRIAL, COMPARED] = [16, 9];

/** How much slower than in segments a block may be as one session. */
const TOLERATED = 1.1;

/** How many blocks are known at a time, and of each how many sizes of its inputs. */
const [WATCHED, SIZES] = [256, 8];

/** One run of a block, without what was compiled for it. */
export interface Ran {
  /** The number of elements of the model's inputs: runs of one size are compared with each other. */
  readonly size: number;
  readonly milliseconds: number;
}

/** One run in segments. */
export interface RanInSegments extends Ran {
  readonly segments: number;
  /** Milliseconds that it took to compile what ran; null where that is no longer known. */
  readonly creation: number | null;
}

/** The last runs of a block with inputs of one size, each way, in milliseconds. */
interface Latest {
  readonly segments: number[];
  readonly one: number[];
  /** How many runs as one session there were. */
  runs: number;
}

interface Block {
  tier: 'segments' | 'one' | 'segments for good';
  /** What handing over has cost since the block came first. */
  spent: number;
  readonly latest: Map<number, Latest>;
}

/**
 * Decides which blocks become one session, as a just-in-time compiler does: a block runs in the segments that are there until
 * handing tensors from one to the next has cost as much as creating the session would. One that turns out slower goes back.
 */
export class Tiers {
  /** Those that ran last stand last. */
  private readonly blocks = new Map<string, Block>();
  private readonly release: (block: string) => void;

  /** @param release is told the blocks that are no longer one session */
  constructor(release: (block: string) => void) {
    this.release = release;
  }

  /** Whether a block runs as one session now. */
  isOne(block: string): boolean {
    return this.blocks.get(block)?.tier === 'one';
  }

  ranInSegments(key: string, { size, milliseconds, segments, creation }: RanInSegments): void {
    const block = this.watch(key);
    add(latestOf(block, size).segments, milliseconds);
    block.spent += Math.max(0, segments - 1) * HANDOVER;
    if (block.tier === 'segments' && creation !== null && block.spent >= creation) block.tier = 'one';
  }

  ranAsOne(key: string, { size, milliseconds }: Ran): void {
    const block = this.watch(key);
    const latest = latestOf(block, size);
    add(latest.one, milliseconds);
    if (++latest.runs % TRIAL > 0 || latest.segments.length < COMPARED) return;
    if (median(latest.one) > TOLERATED * median(latest.segments)) this.refuse(key);
  }

  /** Keeps a block in segments for good. */
  refuse(key: string): void {
    this.watch(key).tier = 'segments for good';
    this.release(key);
  }

  private watch(key: string): Block {
    const block = this.blocks.get(key) ?? { tier: 'segments', spent: 0, latest: new Map() };
    this.blocks.delete(key);
    this.blocks.set(key, block);
    if (this.blocks.size > WATCHED) this.forget(this.blocks.keys().next().value!);
    return block;
  }

  private forget(key: string): void {
    if (this.isOne(key)) this.release(key);
    this.blocks.delete(key);
  }
}

function latestOf({ latest }: Block, size: number): Latest {
  const known = latest.get(size) ?? { segments: [], one: [], runs: 0 };
  latest.set(size, known);
  if (latest.size > SIZES) latest.delete(latest.keys().next().value!);
  return known;
}

function add(runs: number[], milliseconds: number): void {
  runs.push(milliseconds);
  if (runs.length > COMPARED) runs.shift();
}

function median(runs: readonly number[]): number {
  return runs.toSorted((a, b) => a - b)[runs.length >> 1]!;
}

/** The sum of milliseconds; null if one is not known. */
export function sumOf(times: readonly (number | null)[]): number | null {
  return times.reduce((sum: number | null, time) => (sum === null || time === null ? null : sum + time), 0);
}
