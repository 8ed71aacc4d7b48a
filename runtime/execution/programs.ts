import type { InferenceSession } from 'onnxruntime-node';
import { createSession, type SessionConfig } from '../ort/session.ts';
import type { Program, ProgramStore } from '../partition/plan.ts';

/** How many compiled programs are kept besides the segments of the model, whose number is that of the cuts. */
const KEPT = 64;

/** A compiled program. One that leaves the cache is released when its last run has ended. */
interface Entry {
  readonly program: Program;
  readonly ready: Promise<InferenceSession>;
  users: number;
  dropped: boolean;
}

/** The compiled programs of one model; those used least recently go first. */
export class Programs implements ProgramStore {
  readonly config: SessionConfig;
  private readonly limit: number;
  private readonly entries = new Map<string, Entry>();
  private bytes = 0;
  private small = 0;

  /** @param limit how many bytes of weights may be held by programs that are not in use */
  constructor(config: SessionConfig, limit: number) {
    this.config = config;
    this.limit = limit;
  }

  has(key: string): boolean {
    return this.entries.has(key);
  }

  /** Runs something with the session of a program. `built` is told how long compiling it took, if it had to be. */
  async use<T>(
    program: Program,
    run: (session: InferenceSession) => Promise<T>,
    built?: (milliseconds: number) => void,
  ): Promise<T> {
    const start = performance.now();
    const known = this.entries.get(program.key);
    const entry = known ?? this.create(program);
    // The newest stand last.
    this.entries.delete(program.key);
    this.entries.set(program.key, entry);
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

  private create(program: Program): Entry {
    const ready = (async () => createSession(program.write(), this.configOf(program)))();
    const entry: Entry = { program, ready, users: 0, dropped: false };
    this.bytes += program.weights;
    if (program.kind !== 'segment') this.small++;
    // What failed to compile must not stay.
    ready.catch(() => this.forget(entry));
    return entry;
  }

  /** What a block computes between two segments is right on the CPU, and there already: WebGPU hands tensors over there. */
  private configOf({ kind, device }: Program): SessionConfig {
    const { config } = this;
    const isIntervention = config.device === 'webgpu' && kind === 'intervention';
    return { ...config, device: device ?? (isIntervention ? 'cpu' : config.device) };
  }

  private forget(entry: Entry): void {
    if (entry.dropped) return;
    entry.dropped = true;
    this.bytes -= entry.program.weights;
    if (entry.program.kind !== 'segment') this.small--;
    if (this.entries.get(entry.program.key) === entry) this.entries.delete(entry.program.key);
  }

  private shrink(): void {
    for (const entry of this.entries.values()) {
      const isTooMuch = this.bytes > this.limit && entry.program.weights > 0;
      const isTooMany = this.small > KEPT && entry.program.kind !== 'segment';
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
