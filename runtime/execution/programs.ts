import { now } from '../clock.ts';
import { keyOf } from '../graph/key.ts';
import { ModelError } from '../onnx/error.ts';
import type { OnnxModel } from '../onnx/model.ts';
import { withOwnSeeds } from '../onnx/seeds.ts';
import { isFull } from '../ort/cuda-errors.ts';
import { ort } from '../ort/ort.ts';
import type { Device, Session, SessionConfig, SessionTensor, SessionTensors } from '../ort/port.ts';
import { areForCpu } from '../ort/webgpu-limits.ts';
import type { Program, ProgramStore } from '../partition/plan.ts';
import { ProgramError, type ProgramRunner } from './program-runner.ts';
import type { HeldSessions } from './stats.ts';

/** How many compiled programs are kept besides the segments of the model, whose number is that of the cuts. */
const KEPT = 64;

/** A compiled program. One that leaves the store is released when its last run has ended. */
interface Entry {
  readonly key: string;
  readonly program: Program;
  readonly ready: Promise<Session>;
  /** Milliseconds that compiling it took; null until it is ready. */
  creation: number | null;
  users: number;
  dropped: boolean;
}

/** The compiled programs of one model; those used least recently go first. */
export class Programs implements ProgramRunner, ProgramStore {
  private readonly config: SessionConfig;
  private readonly model: Pick<OnnxModel, 'checkFiles'>;
  private readonly limit: number;
  private readonly entries = new Map<string, Entry>();
  private bytes = 0;
  private isReleased = false;
  private small = 0;

  /** @param limit how many bytes of weights may be held by programs that are not in use */
  constructor(config: SessionConfig, model: Pick<OnnxModel, 'checkFiles'>, limit: number) {
    this.config = config;
    this.model = model;
    this.limit = limit;
  }

  has(key: string): boolean {
    return this.entries.has(key) || this.entries.has(oneRow(key));
  }

  creation(key: string): number | null {
    return (this.entries.get(key) ?? this.entries.get(oneRow(key)))?.creation ?? null;
  }

  /** What is kept now. */
  get held(): HeldSessions {
    return { sessions: this.entries.size, weights: this.bytes };
  }

  async run(
    program: Program,
    feeds: SessionTensors,
    outputs: readonly string[],
    built?: (milliseconds: number) => void,
  ): Promise<SessionTensors> {
    const device = this.deviceFor(program, feeds);
    const attempt = () => this.attempt(program, device, feeds, outputs, built);
    return attempt().catch(async (error: Error) => {
      // Sessions that nobody uses now make room on the card.
      if (device !== 'cuda' || !isFull(error.message) || !(await this.releaseIdle())) throw error;
      return attempt();
    });
  }

  private async attempt(
    program: Program,
    device: Device,
    feeds: SessionTensors,
    outputs: readonly string[],
    built?: (milliseconds: number) => void,
  ): Promise<SessionTensors> {
    if (this.isReleased) throw new ModelError('The model was released while a trace of it was running.');
    const start = now();
    const here = forFeeds(program, device, feeds);
    const key = device === this.config.device ? here.key : keyOf(here.key, device);
    const known = this.serving(key, here);
    const entry = known ?? this.create(key, here, device);
    // The newest stand last.
    this.entries.delete(key);
    this.entries.set(key, entry);
    entry.users++;
    try {
      const session = await entry.ready;
      if (!known) {
        entry.creation = now() - start;
        built?.(entry.creation);
        this.shrink();
      }
      return await session.run(feeds, outputs);
    } finally {
      entry.users--;
      if (entry.dropped) release(entry);
    }
  }

  /** Releases all programs: those that run now when they have ended. */
  async release(): Promise<void> {
    this.isReleased = true;
    const all = [...this.entries.values()];
    for (const entry of all) this.forget(entry);
    await Promise.all(all.map(release));
  }

  drop(key: string): void {
    for (const own of [key, oneRow(key)]) this.letGo(own);
  }

  /**
   * What a block computes between two segments runs on the CPU: tensors are handed over there. Only modules of the model that it
   * calls in a branch or loop are worth the way to a CUDA device; WebGPU gets some of a block's operations wrong.
   */
  private deviceFor({ kind, weights }: Program, feeds: SessionTensors): Device {
    const { device } = this.config;
    if (device === 'webgpu') return kind === 'intervention' || areForCpu(feeds) ? 'cpu' : device;
    return kind === 'intervention' && weights === 0 ? 'cpu' : device;
  }

  /** The session of a program; one that gives less than is asked for makes way. */
  private serving(key: string, { extras = [] }: Program): Entry | undefined {
    const known = this.entries.get(key);
    if (known && extras.every((name) => known.program.extras?.includes(name))) return known;
    this.letGo(key);
    return undefined;
  }

  private letGo(key: string): void {
    const entry = this.entries.get(key);
    if (!entry) return;
    this.forget(entry);
    release(entry);
  }

  private create(key: string, program: Program, device: Device): Entry {
    const compile = async () => {
      const bytes = program.write();
      return ort.createSession(program.random ? withOwnSeeds(bytes) : bytes, {
        ...this.config,
        device,
        weights: program.weights,
        prepack: program.prepack ?? true,
        ...(program.arena === false && { arena: false }),
        simplify: program.simplify ?? true,
      });
    };
    const ready = compile().then(
      (session) => this.checked(session),
      (error) => {
        this.model.checkFiles();
        throw new ProgramError(error);
      },
    );
    const entry: Entry = { key, program, ready, creation: null, users: 0, dropped: false };
    this.bytes += program.weights;
    if (program.kind !== 'segment') this.small++;
    // What failed to compile must not stay.
    ready.catch(() => this.forget(entry));
    return entry;
  }

  /** A session whose weights are those of the model, for the files are still what was opened. */
  private async checked(session: Session): Promise<Session> {
    try {
      this.model.checkFiles();
      return session;
    } catch (error) {
      await session.release();
      throw error;
    }
  }

  private forget(entry: Entry): void {
    if (entry.dropped) return;
    entry.dropped = true;
    this.bytes -= entry.program.weights;
    if (entry.program.kind !== 'segment') this.small--;
    if (this.entries.get(entry.key) === entry) this.entries.delete(entry.key);
  }

  /** Releases all that is not in use. False if there is nothing. */
  private async releaseIdle(): Promise<boolean> {
    const idle = [...this.entries.values()].filter(({ users, program }) => users === 0 && program.weights > 0);
    for (const entry of idle) this.forget(entry);
    await Promise.all(idle.map(release));
    return idle.length > 0;
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

async function release(entry: Entry): Promise<void> {
  if (entry.users > 0) return;
  await entry.ready.then(
    (session) => session.release(),
    () => {},
  );
}

/**
 * One row times a matrix takes as long as reading the matrix, in whatever form: where that is all that a program computes, its
 * weights stay as they are in the file, which a backward pass reads, too. More rows have a session of their own.
 */
function forFeeds(program: Program, device: Device, feeds: SessionTensors): Program {
  if (!program.rowWise || device !== 'cpu' || !Object.values(feeds).every(isOneRow)) return program;
  return { ...program, key: oneRow(program.key), prepack: false };
}

function isOneRow({ dims }: SessionTensor): boolean {
  return dims.slice(0, -1).every((size) => size === 1);
}

function oneRow(key: string): string {
  return keyOf('one row', key);
}
