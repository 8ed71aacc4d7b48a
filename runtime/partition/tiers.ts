/**
 * What handing its tensors to the next session costs a dispatch, in milliseconds, until it was measured; and between what
 * measured costs are believed, since what an intervention takes may be its own computation.
 */
const [HANDOVER, LEAST, MOST] = [0.2, 0.02, 1];

/** A session that is made in so many milliseconds is made for a block that came so often, whatever that has cost. */
const [CHEAP, FEW] = [100, 8];

/** After how many runs in a tier it is seen, each time, whether that was worth it, and how many runs are compared. */
const [TRIAL, COMPARED] = [16, 9];

/** How much slower than in segments a block may be in a tier, and by how much more it has to pay before it is tried again. */
const [TOLERATED, DEARER] = [1.1, 4];

/** Runs of so many milliseconds may go on to their end when they are told to end: one session ends no earlier. */
const BRIEF = 100;

/** How many blocks are known at a time, and of each how many sizes of its inputs. */
const [WATCHED, SIZES] = [256, 8];

/**
 * How a block runs: in the segments that are there at once; in the session with taps, which all blocks share that it can do;
 * as a session of its own.
 */
export type Tier = 'segments' | 'taps' | 'one';

const TIERS: readonly Tier[] = ['segments', 'taps', 'one'];

/** One run of a block, from its plan to its results, without what was compiled for it. */
export interface Ran {
  /** The number of elements of the model's inputs: runs of one size are compared with each other. */
  readonly size: number;
  readonly milliseconds: number;
}

/** One run in sessions of which others may run, too. */
export interface RanShared extends Ran {
  /** Milliseconds that it took to compile what ran; null where that is no longer known. */
  readonly creation: number | null;
}

/** One run in several sessions. */
interface RanInParts extends RanShared {
  /** How many sessions ran, one after the other. */
  readonly sessions: number;
}

/** One run with taps. */
export interface RanWithTaps extends RanInParts {
  /** Whether the session may have been made for it. */
  readonly isNew: boolean;
}

/** One run in segments. */
export interface RanInSegments extends RanInParts {
  /** Whether all that it needs ran: nothing was known of an earlier run. */
  readonly isWhole: boolean;
  /** What a session took that computes next to nothing, in milliseconds; null if there was none. */
  readonly handover: number | null;
}

interface Block {
  /** Its own session, or none: whether it runs with taps follows from all blocks. */
  hasOwn: boolean;
  /** False where taps cannot do what it does, or do it slower. */
  canTap: boolean;
  /** The tier that is compared with segments anew just now: runs of another time say little. */
  doubted: Tier | null;
  /** What handing over has cost since the block came first. */
  spent: number;
  /** How often it ran as a whole. */
  runs: number;
  /** The number of its last run among those of all blocks. */
  last: number;
  /** By how much more than a session costs it has to have lost; infinite where its session cannot be compiled. */
  price: number;
  readonly latest: Map<number, Latest>;
}

/** The last runs of a block with inputs of one size, each way, in milliseconds. */
interface Latest extends Record<Tier, number[]> {
  /** How many runs there were in a tier above segments. */
  runs: number;
}

/**
 * Decides how blocks run, as a just-in-time compiler does: in the segments that are there until handing tensors from one to
 * the next has cost as much as creating a better session would: of all blocks together the one with taps, of one block its
 * own. Where sessions cost next to nothing, a block has its own after a few runs, and where there is room for some beside the
 * one with taps, blocks that run often go on from there to their own. A tier that turns out slower is left.
 */
export class Tiers {
  /** Those that ran last stand last. */
  private readonly blocks = new Map<string, Block>();
  private readonly release: (block: string) => void;
  private readonly hasTaps: boolean;
  private readonly most: number;
  private runs = 0;
  /** What the blocks have lost that taps may do. */
  private lost = 0;
  /** What compiling all of the model took, in segments or with taps, as far as it was seen. */
  private creation = 0;
  /** The most that handing over has cost in one run. */
  private dearest = 0;
  /** Whether the session with taps was made. */
  private areMade = false;
  private readonly handovers: number[] = [];

  /**
   * @param release is told the blocks that no longer have a session of their own
   * @param hasTaps whether there may be a session with taps
   * @param most how many blocks may have a session of their own at a time
   */
  constructor(release: (block: string) => void, hasTaps = false, most = 16) {
    this.release = release;
    this.hasTaps = hasTaps;
    this.most = most;
  }

  /**
   * How a block runs now.
   * @param runs how many runs like this one are sure to come, this one among them
   */
  of(key: string, runs = 1): Tier {
    const block = this.blocks.get(key);
    if (block?.doubted) return 'segments';
    if (block?.hasOwn) return 'one';
    const mayTap = this.payNow(runs) || (this.areMade && (this.creation > CHEAP || runs >= FEW));
    return mayTap && block?.canTap !== false ? 'taps' : 'segments';
  }

  /**
   * Whether a session with taps pays that is not there yet: by what the blocks have lost that it may do, or by what is sure to
   * come. Where no segments are compiled yet, it costs no more than these do. Where sessions cost next to nothing each block soon
   * has its own, which does nothing else.
   */
  payNow(runs: number): boolean {
    if (!this.hasTaps) return false;
    if (this.creation > CHEAP && this.lost >= this.creation) return true;
    return runs >= FEW && (this.dearest === 0 || runs * this.dearest >= this.creation);
  }

  /** Whether a block with inputs of this size takes so little time, by its last runs, that it need not end on its way. */
  isBrief(key: string, size: number): boolean {
    const latest = this.blocks.get(key)?.latest;
    const same = latest?.get(size);
    if (same) return longest(same) <= BRIEF;
    // What attention takes grows with the square of the tokens, and nothing grows faster.
    return [...(latest ?? [])].some(([known, of]) => longest(of) * Math.max(1, size / known) ** 2 <= BRIEF);
  }

  ranInSegments(key: string, ran: RanInSegments): void {
    const { size, milliseconds, isWhole, handover, creation } = ran;
    const before = this.blocks.get(key)?.last ?? 0;
    const block = this.watch(key);
    if (handover !== null) add(this.handovers, Math.min(MOST, Math.max(LEAST, handover)));
    const lost = this.lostBy(ran);
    this.dearest = Math.max(this.dearest, lost);
    const latest = latestOf(block, size);
    add(latest.segments, milliseconds);
    if (block.doubted) this.compare(key, block, latest);
    block.spent += lost;
    if (block.canTap && isWhole) this.lost += lost;
    if (lost > 0 && isWhole) block.runs++;
    if (creation === null) return;
    this.creation = Math.max(this.creation, creation);
    const waitsForTaps = this.hasTaps && block.canTap && this.creation > CHEAP && !this.hasRoom;
    const pays = this.isCheap(block) || (!waitsForTaps && block.spent >= creation * block.price);
    if (pays && !block.doubted) this.giveOwn(block, before);
  }

  ranWithTaps(key: string, ran: RanWithTaps): void {
    const before = this.blocks.get(key)?.last ?? 0;
    // What was lost has paid for this session. More taps have to pay for themselves.
    if (ran.isNew || !this.areMade) this.lost = 0;
    this.areMade = true;
    this.creation = Math.max(this.creation, ran.creation ?? 0);
    const block = this.watch(key);
    this.judge(block, ran, 'taps');
    block.spent += this.lostBy(ran);
    if (this.hasRoom && !block.doubted && block.spent >= this.creation * block.price) this.giveOwn(block, before);
  }

  ranAsOne(key: string, ran: Ran): void {
    this.judge(this.watch(key), ran, 'one');
  }

  /** Keeps a block from a session of its own, which cannot be compiled. */
  refuse(key: string): void {
    const block = this.watch(key);
    block.price = Number.POSITIVE_INFINITY;
    this.leave(key, block, 'one');
  }

  /** Keeps a block from taps, which cannot do what it does. */
  refuseTaps(key: string): void {
    this.leave(key, this.watch(key), 'taps');
  }

  /** What handing over has cost a run, in milliseconds. */
  private lostBy({ sessions }: RanInParts): number {
    const cost = this.handovers.length > 0 ? median(this.handovers) : HANDOVER;
    return Math.max(0, sessions - 1) * cost;
  }

  /** Whether there is room for sessions of blocks beside the segments and the session with taps: all have the model's weights. */
  private get hasRoom(): boolean {
    return this.most > 1;
  }

  private giveOwn(block: Block, before: number): void {
    if (block.hasOwn || !this.makesRoom(before)) return;
    block.hasOwn = true;
    // It loses no more of what taps would have to pay for.
    this.lost = Math.max(0, this.lost - block.spent);
  }

  /**
   * Whether a block came often enough for a session that costs little. A machine that is busy takes longer for it, so that there is
   * no edge: where there is room for it, one that takes twice as long needs four times as many runs.
   */
  private isCheap({ runs, price }: Block): boolean {
    const times = Math.max(1, this.creation / CHEAP);
    return this.creation > 0 && (times === 1 || this.hasRoom) && runs >= FEW * price * times ** 2;
  }

  /** Doubts a tier in which a block seems to be slower than in segments. */
  private judge(block: Block, { size, milliseconds }: Ran, tier: Tier): void {
    const latest = latestOf(block, size);
    add(latest[tier], milliseconds);
    if (++latest.runs % TRIAL > 0 || latest.segments.length < COMPARED || !isSlower(latest, tier)) return;
    block.doubted = tier;
    latest.segments.length = 0;
  }

  private compare(key: string, block: Block, latest: Latest): void {
    const tier = block.doubted!;
    if (latest.segments.length < COMPARED) return;
    block.doubted = null;
    if (latest[tier].length === 0 || !isSlower(latest, tier)) return;
    if (tier === 'one') Object.assign(block, { price: block.price * DEARER, spent: 0, runs: 0 });
    this.leave(key, block, tier);
  }

  /**
   * Whether one more block can have a session of its own: the one that ran longest ago gives its own up, unless it ran since
   * the run `before`. Blocks that take turns would only push each other out.
   */
  private makesRoom(before: number): boolean {
    const own = [...this.blocks].filter(([, { hasOwn }]) => hasOwn);
    if (own.length < this.most) return true;
    const [key, oldest] = own[0]!;
    if (oldest.last > before) return false;
    Object.assign(oldest, { spent: 0, runs: 0 });
    this.leave(key, oldest, 'one');
    return true;
  }

  private leave(key: string, block: Block, tier: Tier): void {
    if (tier === 'taps') {
      if (block.canTap) this.lost = Math.max(0, this.lost - block.spent);
      block.canTap = false;
      return;
    }
    block.hasOwn = false;
    this.release(key);
  }

  private watch(key: string): Block {
    const block = this.blocks.get(key) ?? newBlock();
    block.last = ++this.runs;
    this.blocks.delete(key);
    this.blocks.set(key, block);
    if (this.blocks.size > WATCHED) this.forget(this.blocks.keys().next().value!);
    return block;
  }

  private forget(key: string): void {
    if (this.blocks.get(key)!.hasOwn) this.release(key);
    this.blocks.delete(key);
  }
}

function newBlock(): Block {
  return { hasOwn: false, canTap: true, doubted: null, spent: 0, runs: 0, last: 0, price: 1, latest: new Map() };
}

function latestOf({ latest }: Block, size: number): Latest {
  const known = latest.get(size) ?? { segments: [], taps: [], one: [], runs: 0 };
  latest.set(size, known);
  if (latest.size > SIZES) latest.delete(latest.keys().next().value!);
  return known;
}

/** What the last runs took, the way that took longest. */
function longest(latest: Latest): number {
  return Math.max(...TIERS.map((tier) => latest[tier]).map((runs) => (runs.length > 0 ? median(runs) : 0)));
}

function isSlower(latest: Latest, tier: Tier): boolean {
  return median(latest[tier]) > TOLERATED * median(latest.segments);
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
