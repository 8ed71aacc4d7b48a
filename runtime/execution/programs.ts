import { withOwnSeeds } from '../onnx/seeds.ts';
import { ort } from '../ort/ort.ts';
import type { Device, Session, SessionConfig, SessionTensors } from '../ort/port.ts';
import { areForCpu } from '../ort/webgpu-limits.ts';
import type { Program, ProgramStore } from '../partition/plan.ts';
import { ProgramError, type ProgramRunner } from './program-runner.ts';

/** How many compiled programs are kept besides the segments of the model, whose number is that of the cuts. */
const KEPT = 64;

/** A compiled program. One that leaves the store is released when its last run has ended. */
interface Entry {
  readonly key: string;
  readonly program: Program;
  readonly ready: Promise<Session>;
  users: number;
  dropped: boolean;
}

/** The compiled programs of one model; those used least recently go first. */
export class Programs implements ProgramRunner, ProgramStore {
  private readonly config: SessionConfig;
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

  async run(
    program: Program,
    feeds: SessionTensors,
    outputs: readonly string[],
    built?: (milliseconds: number) => void,
  ): Promise<SessionTensors> {
    const start = performance.now();
    const device = this.deviceFor(program, feeds);
    const key = device === this.config.device ? program.key : `${program.key}\n${device}`;
    const known = this.entries.get(key);
    const entry = known ?? this.create(key, program, device);
    // The newest stand last.
    this.entries.delete(key);
    this.entries.set(key, entry);
    entry.users++;
    try {
      const session = await entry.ready;
      if (!known) {
        built?.(performance.now() - start);
        this.shrink();
      }
      return await session.run(feeds, outputs);
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

  /** What a block computes between two segments is right on the CPU, and there already: WebGPU hands tensors over there. */
  private deviceFor({ kind }: Program, feeds: SessionTensors): Device {
    const { device } = this.config;
    return device === 'webgpu' && (kind === 'intervention' || areForCpu(feeds)) ? 'cpu' : device;
  }

  private create(key: string, program: Program, device: Device): Entry {
    const compile = async () => {
      const bytes = program.write();
      return ort.createSession(program.random ? withOwnSeeds(bytes) : bytes, {
        ...this.config,
        device,
        prepack: program.prepack ?? true,
        simplify: program.simplify ?? true,
      });
    };
    const ready = compile().catch((error) => {
      throw new ProgramError(error);
    });
    const entry: Entry = { key, program, ready, users: 0, dropped: false };
    this.bytes += program.weights;
    if (program.kind !== 'segment') this.small++;
    // What failed to compile must not stay.
    ready.catch(() => this.forget(entry));
    return entry;
  }

  private forget(entry: Entry): void {
    if (entry.dropped) return;
    entry.dropped = true;
    this.bytes -= entry.program.weights;
    if (entry.program.kind !== 'segment') this.small--;
    if (this.entries.get(entry.key) === entry) this.entries.delete(entry.key);
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
