import type { InferenceSession } from 'onnxruntime-node';
import { createSession, type SessionPlace } from '../ort/session.ts';
import type { Piece } from '../partition/plan.ts';
import type { Compiled } from '../partition/segments.ts';

/** How many compiled pieces are kept besides the segments of the model, whose number is that of the cuts. */
const KEPT = 64;

/** A compiled piece. One that leaves the cache is released when its last run has ended. */
interface Entry {
  readonly piece: Piece;
  readonly ready: Promise<InferenceSession>;
  users: number;
  dropped: boolean;
}

/** The compiled pieces of one model; those used least recently go first. */
export class Sessions implements Compiled {
  readonly place: SessionPlace;
  private readonly limit: number;
  private readonly entries = new Map<string, Entry>();
  private bytes = 0;
  private small = 0;

  /** @param limit how many bytes of weights may be held by pieces that are not in use */
  constructor(place: SessionPlace, limit: number) {
    this.place = place;
    this.limit = limit;
  }

  has(key: string): boolean {
    return this.entries.has(key);
  }

  /** Runs something with the session of a piece. `built` is told how long compiling it took, if it had to be. */
  async use<T>(
    piece: Piece,
    run: (session: InferenceSession) => Promise<T>,
    built?: (milliseconds: number) => void,
  ): Promise<T> {
    const start = performance.now();
    const known = this.entries.get(piece.key);
    const entry = known ?? this.create(piece);
    // The newest stand last.
    this.entries.delete(piece.key);
    this.entries.set(piece.key, entry);
    entry.users++;
    try {
      const session = await entry.ready;
      if (!known) {
        built?.(performance.now() - start);
        this.shrink();
      }
      return await run(session);
    } finally {
      entry.users--;
      if (entry.dropped) release(entry);
    }
  }

  drop(key: string): void {
    const entry = this.entries.get(key);
    if (!entry) return;
    this.forget(entry);
    release(entry);
  }

  private create(piece: Piece): Entry {
    const ready = (async () => createSession(piece.write(), this.placeOf(piece)))();
    const entry: Entry = { piece, ready, users: 0, dropped: false };
    this.bytes += piece.weights;
    if (piece.kind !== 'segment') this.small++;
    // What failed to compile must not stay.
    ready.catch(() => this.forget(entry));
    return entry;
  }

  /** What a block computes between two segments is right on the CPU, and there already: WebGPU hands tensors over there. */
  private placeOf({ kind, device }: Piece): SessionPlace {
    const { place } = this;
    const isBlock = place.device === 'webgpu' && kind === 'intervention';
    return { ...place, device: device ?? (isBlock ? 'cpu' : place.device) };
  }

  private forget(entry: Entry): void {
    if (entry.dropped) return;
    entry.dropped = true;
    this.bytes -= entry.piece.weights;
    if (entry.piece.kind !== 'segment') this.small--;
    if (this.entries.get(entry.piece.key) === entry) this.entries.delete(entry.piece.key);
  }

  private shrink(): void {
    for (const entry of this.entries.values()) {
      const isTooMuch = this.bytes > this.limit && entry.piece.weights > 0;
      const isTooMany = this.small > KEPT && entry.piece.kind !== 'segment';
      if (entry.users > 0 || !(isTooMuch || isTooMany)) continue;
      this.forget(entry);
      release(entry);
    }
  }
}

function release(entry: Entry): void {
  if (entry.users > 0) return;
  entry.ready.then(
    (session) => session.release(),
    () => {},
  );
}
