import { now } from '../clock.ts';
import type { Share } from '../gradients/shares.ts';
import type { SessionTensor } from '../ort/port.ts';
import type { Dispatch } from '../partition/plan.ts';
import type { AddedGradients } from './added-gradients.ts';
import { gradientName, seedName } from './backward-programs.ts';
import type { Gradient, Recorder } from './recorder.ts';
import type { Slots } from './slots.ts';
import type { DispatchStats, RunStats } from './stats.ts';
import type { Tape, TapedRun } from './tape.ts';

/** What a backward pass goes through. */
export interface Way {
  readonly tape: Tape;
  readonly slots: Slots;
  readonly added: AddedGradients;
  /** Told what is computed, where another pass may go back through this one. */
  readonly recorder: Recorder;
  /** Takes the tensors that are made on the way: nobody else holds them. */
  readonly made: SessionTensor[];
}

/** Runs the derivatives of the dispatches on a tape, and tells what that took. */
export class Derivatives {
  private readonly way: Way;
  private readonly dispatches: DispatchStats[] = [];
  /** Milliseconds that writing derivatives took; null where all were known. */
  private planned: number | null = null;

  constructor(way: Way) {
    this.way = way;
  }

  /** What has happened so far. */
  stats(): RunStats {
    const { planned, dispatches } = this;
    const { tape } = this.way;
    const { segmentation, held } = tape.findLast((entry) => entry.kind === 'run')!.engine;
    const passed = new Set(dispatches.map(({ name }) => name));
    const segments = tape.flatMap((entry) =>
      entry.kind === 'run' ? entry.plan.dispatches.filter(({ kind }) => kind === 'segment') : [],
    );
    return {
      segmentation,
      planned,
      dispatches,
      held,
      skipped: segments.map(({ label }) => label).filter((label) => !passed.has(label)),
      total: dispatches.reduce((sum, { built, ran }) => sum + (built ?? 0) + ran, planned ?? 0),
    };
  }

  /**
   * The gradients by some tensors of a dispatch's program, from what has added up so far by what it gave.
   * @param settled what takes the place of that, by names
   */
  async of(
    run: number,
    dispatch: Dispatch,
    wanted: readonly string[],
    settled: ReadonlyMap<string, Gradient>,
    shares: readonly Share[] = [],
  ): Promise<ReadonlyMap<string, Gradient>> {
    const { program, feeds, fetches, label } = dispatch;
    const { tape, slots, added, recorder } = this.way;
    const entry = tape[run] as TapedRun;
    const { registers, engine } = entry;
    // A copy of what the run was given leads nowhere that its feed does not.
    const made = fetches.filter(({ register }) => !slots.isFed(run, register));
    const known = new Map(settled);
    for (const { name, register } of made) {
      const gradient = settled.has(name) ? undefined : added.ofRegister(run, register);
      if (gradient) known.set(name, known.has(name) ? recorder.sum(known.get(name)!, gradient) : gradient);
    }
    if (known.size === 0 || wanted.length === 0) return new Map();
    const start = now();
    const derivative = engine.backwardPrograms.of(program, {
      seeds: [...known.keys()],
      wanted,
      replaced: new Set(settled.keys()),
      given: new Set(made.map(({ name }) => name)),
      shares,
      dims: new Map(feeds.map(({ name, register }) => [name, registers[register]!.dims])),
    });
    if (derivative.isNew) this.planned = (this.planned ?? 0) + now() - start;
    if (derivative.outputs.length === 0) return new Map();
    const at = new Map([...made, ...feeds].map(({ name, register }) => [name, registers[register]!]));
    const given = Object.fromEntries([
      ...derivative.inputs.map((name) => [name, at.get(name)!] as const),
      ...derivative.seeds.map((name) => [seedName(name), known.get(name)!.tensor] as const),
    ]);
    let built: number | null = null;
    const onBuilt = (milliseconds: number) => {
      built = milliseconds;
    };
    const outputs = derivative.outputs.map((name) => gradientName(name, derivative.order));
    const begin = now();
    const results = await engine.programs.run(derivative.program, given, outputs, onBuilt);
    const ran = now() - begin - (built ?? 0);
    this.way.made.push(...Object.values(results));
    this.dispatches.push({ name: label, kind: 'backward', action: 'run', built, ran });
    return recorder.ran(entry, dispatch, derivative, known, results);
  }
}
