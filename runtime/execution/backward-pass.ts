import { now } from '../clock.ts';
import type { Share } from '../gradients/shares.ts';
import type { Value } from '../graph/types.ts';
import type { SessionTensor } from '../ort/port.ts';
import type { Dispatch } from '../partition/plan.ts';
import { gradientName, seedName } from './backward-programs.ts';
import { callBackward } from './call-backward.ts';
import { constant, type Gradient, type Recorder } from './recorder.ts';
import { zerosLike } from './session-tensors.ts';
import { type ReplacedPort, Slots } from './slots.ts';
import type { DispatchStats, RunStats } from './stats.ts';
import type { Tape, TapedCall, TapedRun, TapedSum } from './tape.ts';

/** What a pass is asked for. */
export interface PassGoal {
  readonly loss: Value;
  /** What comes in at the loss. */
  readonly seed: Gradient;
  /** The values whose gradients are asked for. */
  readonly wanted: ReadonlySet<Value>;
  /** The values whose gradients are set. */
  readonly replaced: ReadonlySet<Value>;
  /** Gives what a gradient is set to; asked when the pass gets there. It may ask for gradients that come before. */
  readonly replacement: (value: Value) => Promise<Gradient>;
}

/** A run and a dispatch of it. */
interface Place {
  readonly run: number;
  readonly dispatch: number;
}

/** What is set at one dispatch. */
interface Settling {
  readonly ports: readonly ReplacedPort[];
  /** The names whose gradients are being set. */
  readonly pending: Set<string>;
  /** By register what a gradient was before it was set. */
  readonly before: Map<number, Gradient>;
  /** By name what they are set to. */
  readonly settled: Map<string, Gradient>;
}

/**
 * One backward pass through a tape, from a loss: for each dispatch the derivative of its program runs, and gradients add up
 * by register. It goes as far as it is asked to, so that gradients can be read and set on the way.
 */
export class BackwardPass {
  private readonly tape: Tape;
  private readonly goal: PassGoal;
  private readonly slots: Slots;
  private readonly recorder: Recorder;
  private readonly made: SessionTensor[];
  /** The gradients by values that go from run to run: what later runs made of them. */
  private readonly byValue = new Map<Value, Gradient>();
  /** The gradients by registers, run by run, as far as they have added up. */
  private readonly byRegister: readonly Map<number, Gradient>[];
  /** The gradients by weights of the models, by the values that stand for them. */
  private readonly byWeight = new Map<Value, Gradient>();
  /** Everything behind this place has been gone through. */
  private place: Place;
  private readonly dispatches: DispatchStats[] = [];
  /** Milliseconds that writing derivatives took; null where all were known. */
  private planned: number | null = null;
  /** What is set at the dispatch which the pass is at. */
  private settling: Settling | null = null;

  /**
   * @param recorder told what is computed, where another pass may go back through this one
   * @param made takes the tensors that are made on the way: nobody else holds them
   */
  constructor(tape: Tape, goal: PassGoal, recorder: Recorder, made: SessionTensor[]) {
    this.tape = tape;
    this.goal = goal;
    this.recorder = recorder;
    this.made = made;
    this.slots = new Slots(tape, goal.wanted, goal.replaced);
    this.byRegister = tape.map(() => new Map());
    this.byValue.set(goal.loss, goal.seed);
    this.place = { run: tape.length, dispatch: -1 };
  }

  /**
   * The gradient by a value, as its readers make it; null where the loss does not depend on it. Throws a GradientError
   * where a node on the way has no derivative, and an OrderError where it can only be known after one that is being set.
   */
  async gradient(value: Value): Promise<Gradient | null> {
    const weight = this.slots.weights.get(value);
    if (weight) {
      await this.advance({ run: -1, dispatch: -1 });
      // What the model makes of it, and what later runs made of it that were given it.
      const [inModel, given] = [this.byWeight.get(value), this.byValue.get(value)];
      return inModel && given ? this.recorder.sum(inModel, given) : (inModel ?? given ?? null);
    }
    const call = this.tape.findIndex((entry) => entry.kind !== 'run' && entry.value === value);
    if (call >= 0) {
      await this.advance({ run: call + 1, dispatch: -1 });
      return this.byValue.get(value) ?? null;
    }
    const own = this.slots.of(value);
    let sum: Gradient | null = null;
    for (const { run, register, producer } of own.toReversed()) {
      const part = await this.at({ run, dispatch: producer }, register);
      sum = sum && part ? this.recorder.sum(sum, part) : (sum ?? part);
    }
    if (own.length > 0) return sum;
    await this.advance({ run: -1, dispatch: -1 });
    return this.byValue.get(value) ?? null;
  }

  /** What has happened so far. */
  stats(): RunStats {
    const { planned, dispatches } = this;
    const { segmentation, held } = this.tape.findLast((entry) => entry.kind === 'run')!.engine;
    const passed = new Set(dispatches.map(({ name }) => name));
    const segments = this.tape.flatMap((entry) =>
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

  /** The gradient by a register once all that comes behind its maker has been gone through. */
  private async at(place: Place, register: number): Promise<Gradient | null> {
    if (this.settling && isSame(place, this.place)) return this.inside(register, this.settling);
    await this.advance(place);
    return this.byRegister[place.run]!.get(register) ?? null;
  }

  /** Goes back until everything down to a place has been gone through, the place included. */
  private async advance(to: Place): Promise<void> {
    if (this.settling && isBefore(to, this.place)) throw new OrderError();
    while (isBefore(to, this.place) || isSame(to, this.place)) {
      const entry = this.tape[this.place.run];
      if (this.place.dispatch >= 0) await this.goThrough(this.place);
      else if (entry?.kind === 'call') await this.goThroughCall(entry);
      else if (entry?.kind === 'sum') await this.goThroughSum(entry);
      else if (entry) this.leave(this.place.run);
      const { run, dispatch } = this.place;
      if (dispatch >= 0) this.place = { run, dispatch: dispatch - 1 };
      else if (run > 0) this.enter(run - 1);
      else {
        this.place = { run: -1, dispatch: -2 };
        return;
      }
    }
  }

  /** What later runs made of the values that a run saved comes in at its registers. */
  private enter(run: number): void {
    const entry = this.tape[run]!;
    this.place = { run, dispatch: entry.kind === 'run' ? entry.plan.dispatches.length - 1 : -1 };
    if (entry.kind !== 'run') return;
    const { plan, saves } = entry;
    const seen = new Set<Value>();
    saves.forEach((value, i) => {
      const gradient = this.byValue.get(value);
      if (!gradient || seen.has(value) || !this.slots.isHome(value, run)) return;
      seen.add(value);
      this.add(run, plan.saves[i]!, gradient);
    });
  }

  /** What a run made of its operands goes on to the runs in front of it. */
  private leave(run: number): void {
    for (const { value, register } of this.slots.givenTo(run)) {
      const gradient = this.byRegister[run]!.get(register);
      if (gradient) this.addTo(value, gradient);
    }
  }

  private addTo(value: Value, gradient: Gradient): void {
    const known = this.byValue.get(value);
    this.byValue.set(value, known ? this.recorder.sum(known, gradient) : gradient);
  }

  /** Goes through a function of the user by the derivative that the user gave. */
  private async goThroughCall(call: TapedCall): Promise<void> {
    const gradient = await this.arriving(call);
    if (!gradient) return;
    const made = this.recorder.called(call, gradient, await callBackward(call, gradient.tensor));
    made.forEach((one, i) => {
      if (one) this.addTo(call.inputs[i]!, one);
    });
  }

  private async goThroughSum(sum: TapedSum): Promise<void> {
    const gradient = await this.arriving(sum);
    if (!gradient) return;
    const own = sum.isTransposed ? this.recorder.transposed(gradient) : gradient;
    for (const input of sum.inputs) this.addTo(input, own);
  }

  /** What goes back through something that is no run; null where nothing does, or nothing that comes before is asked for. */
  private async arriving({ value, inputs }: TapedCall | TapedSum): Promise<Gradient | null> {
    if (!inputs.some((input) => this.slots.isActiveValue(input))) return null;
    const gradient = this.byValue.get(value) ?? null;
    if (!this.goal.replaced.has(value)) return gradient;
    if (!gradient) throw new IndependentError(value);
    return this.goal.replacement(value);
  }

  private add(run: number, register: number, gradient: Gradient): void {
    const registers = this.byRegister[run]!;
    const known = registers.get(register);
    registers.set(register, known ? this.recorder.sum(known, gradient) : gradient);
  }

  /** Goes through one dispatch: from the gradients by what it gave to those by what it was fed. */
  private async goThrough({ run, dispatch }: Place): Promise<void> {
    if (!this.slots.isActive(run, dispatch)) return;
    const { plan } = this.runAt(run);
    const step = plan.dispatches[dispatch]!;
    const settling = {
      ports: this.slots.replacedIn(run, dispatch),
      pending: new Set<string>(),
      before: new Map(),
      settled: new Map(),
    };
    const { before, settled } = settling;
    this.settling = settling;
    for (const port of settling.ports) await this.settle(port, settling);
    const feeds = this.slots.feedsOf(run, dispatch);
    const weights = this.slots.weightsIn(run, dispatch);
    const inner = this.slots.wantedIn(run, dispatch).filter(({ name }) => !settled.has(name));
    const wanted = [...feeds, ...weights, ...inner].map(({ name }) => name);
    const made = await this.derive(
      run,
      step,
      [...new Set(wanted)],
      settled,
      weights.flatMap(({ share }) => share ?? []),
    );
    this.settling = null;
    for (const { name, register } of inner) if (made.has(name)) before.set(register, made.get(name)!);
    for (const [register, gradient] of before) this.byRegister[run]!.set(register, gradient);
    for (const { name, register } of feeds) if (made.has(name)) this.add(run, register, made.get(name)!);
    for (const { value, name, isTransposed } of weights) {
      const given = made.get(name);
      const gradient = given && isTransposed ? this.recorder.transposed(given) : given;
      const known = this.byWeight.get(value);
      if (gradient) this.byWeight.set(value, known ? this.recorder.sum(known, gradient) : gradient);
    }
  }

  /** Sets a gradient at the dispatch which the pass is at, and keeps what it was before. */
  private async settle({ name, register, value, isHome }: ReplacedPort, settling: Settling): Promise<void> {
    const { pending, before, settled } = settling;
    if (settled.has(name)) return;
    if (pending.has(name)) throw new OrderError();
    pending.add(name);
    const { run } = this.place;
    const hasCome = this.byRegister[run]!.has(register);
    const own = this.goal.wanted.has(value) || !hasCome ? await this.inside(register, settling) : null;
    if (own) before.set(register, own);
    else if (isHome && !hasCome) throw new IndependentError(value);
    const zeros = () => constant(zerosLike(this.runAt(run).registers[register]!));
    settled.set(name, isHome ? await this.goal.replacement(value) : zeros());
  }

  /** The gradient by something that the dispatch which the pass is at makes, while others that it makes are being set. */
  private async inside(register: number, settling: Settling): Promise<Gradient | null> {
    const { run, dispatch } = this.place;
    const { plan, engine } = this.runAt(run);
    const step = plan.dispatches[dispatch]!;
    const { name } = step.fetches.find((port) => port.register === register)!;
    // What is set further on in the model is what this one is made of.
    for (const port of settling.ports) {
      if (engine.backwardPrograms.depends(step.program, port.name, name)) await this.settle(port, settling);
    }
    return (await this.derive(run, step, [name], settling.settled)).get(name) ?? null;
  }

  private runAt(run: number): TapedRun {
    return this.tape[run] as TapedRun;
  }

  /** Runs the derivative of a dispatch's program. */
  private async derive(
    run: number,
    dispatch: Dispatch,
    wanted: readonly string[],
    settled: ReadonlyMap<string, Gradient>,
    shares: readonly Share[] = [],
  ): Promise<ReadonlyMap<string, Gradient>> {
    const { program, feeds, fetches, label } = dispatch;
    const entry = this.runAt(run);
    const { registers, engine } = entry;
    // A copy of what the run was given leads nowhere that its feed does not.
    const made = fetches.filter(({ register }) => !this.slots.isFed(run, register));
    const known = new Map(settled);
    for (const { name, register } of made) {
      const gradient = settled.has(name) ? undefined : this.byRegister[run]!.get(register);
      if (gradient) known.set(name, known.has(name) ? this.recorder.sum(known.get(name)!, gradient) : gradient);
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
    this.made.push(...Object.values(results));
    this.dispatches.push({ name: label, kind: 'backward', action: 'run', built, ran });
    return this.recorder.ran(entry, dispatch, derivative, known, results);
  }
}

/** A gradient that is set to something that can only be known after it. */
export class OrderError extends Error {}

/** A gradient is set by a value that the loss does not depend on. */
export class IndependentError extends Error {
  readonly value: Value;

  constructor(value: Value) {
    super();
    this.value = value;
  }
}

function isBefore(a: Place, b: Place): boolean {
  return a.run < b.run || (a.run === b.run && a.dispatch < b.dispatch);
}

function isSame(a: Place, b: Place): boolean {
  return a.run === b.run && a.dispatch === b.dispatch;
}
