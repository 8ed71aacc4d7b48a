/**
 * What handing its tensors to the next session costs a segment, in milliseconds: measured on models from 4 layers of 256 to 12
 * of 768, as the difference to one session.
 */
const HANDOVER = 0.2;

/** After how many runs as one session it is seen whether that was worth it. */
const TRIAL = 8;

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

/** The shortest runs of a block with inputs of one size, each way. */
interface Shortest {
  segments: number;
  one: number;
  /** How many runs as one session there were. */
  runs: number;
}

interface Block {
  tier: 'segments' | 'one' | 'segments for good';
  /** What handing over has cost since the block came first. */
  spent: number;
  readonly shortest: Map<number, Shortest>;
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
    const shortest = shortestOf(block, size);
    shortest.segments = Math.min(shortest.segments, milliseconds);
    block.spent += Math.max(0, segments - 1) * HANDOVER;
    if (block.tier === 'segments' && creation !== null && block.spent >= creation) block.tier = 'one';
  }

  ranAsOne(key: string, { size, milliseconds }: Ran): void {
    const block = this.watch(key);
    const shortest = shortestOf(block, size);
    shortest.one = Math.min(shortest.one, milliseconds);
    if (++shortest.runs >= TRIAL && shortest.one > TOLERATED * shortest.segments) this.refuse(key);
  }

  /** Keeps a block in segments for good. */
  refuse(key: string): void {
    this.watch(key).tier = 'segments for good';
    this.release(key);
  }

  private watch(key: string): Block {
    const block = this.blocks.get(key) ?? { tier: 'segments', spent: 0, shortest: new Map() };
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

function shortestOf({ shortest }: Block, size: number): Shortest {
  const known = shortest.get(size) ?? { segments: Number.POSITIVE_INFINITY, one: Number.POSITIVE_INFINITY, runs: 0 };
  shortest.set(size, known);
  if (shortest.size > SIZES) shortest.delete(shortest.keys().next().value!);
  return known;
}
