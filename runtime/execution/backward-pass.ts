import type { Value } from '../graph/types.ts';
import type { SessionTensor } from '../ort/port.ts';
import { AddedGradients } from './added-gradients.ts';
import { callBackward } from './call-backward.ts';
import { Derivatives } from './derivatives.ts';
import { constant, type Gradient, type Recorder } from './recorder.ts';
import { zerosLike } from './session-tensors.ts';
import { type ReplacedPort, Slots } from './slots.ts';
import type { RunStats } from './stats.ts';
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
  private readonly added: AddedGradients;
  private readonly derivatives: Derivatives;
  /** Everything behind this place has been gone through. */
  private place: Place;
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
    this.slots = new Slots(tape, goal.wanted, goal.replaced);
    this.added = new AddedGradients(tape.length, recorder);
    this.added.toValue(goal.loss, goal.seed);
    const { slots, added } = this;
    this.derivatives = new Derivatives({ tape, slots, added, recorder, made });
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
      const [inModel, given] = [this.added.ofWeight(value), this.added.ofValue(value)];
      return inModel && given ? this.recorder.sum(inModel, given) : (inModel ?? given);
    }
    const call = this.tape.findIndex((entry) => entry.kind !== 'run' && entry.value === value);
    if (call >= 0) {
      await this.advance({ run: call + 1, dispatch: -1 });
      return this.added.ofValue(value);
    }
    const own = this.slots.of(value);
    let sum: Gradient | null = null;
    for (const { run, register, producer } of own.toReversed()) {
      const part = await this.at({ run, dispatch: producer }, register);
      sum = sum && part ? this.recorder.sum(sum, part) : (sum ?? part);
    }
    if (own.length > 0) return sum;
    await this.advance({ run: -1, dispatch: -1 });
    return this.added.ofValue(value);
  }

  /** What has happened so far. */
  stats(): RunStats {
    return this.derivatives.stats();
  }

  /** The gradient by a register once all that comes behind its maker has been gone through. */
  private async at(place: Place, register: number): Promise<Gradient | null> {
    if (this.settling && isSame(place, this.place)) return this.inside(register, this.settling);
    await this.advance(place);
    return this.added.ofRegister(place.run, register);
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
      const gradient = this.added.ofValue(value);
      if (!gradient || seen.has(value) || !this.slots.isHome(value, run)) return;
      seen.add(value);
      this.added.toRegister(run, plan.saves[i]!, gradient);
    });
  }

  /** What a run made of its operands goes on to the runs in front of it. */
  private leave(run: number): void {
    for (const { value, register } of this.slots.givenTo(run)) {
      const gradient = this.added.ofRegister(run, register);
      if (gradient) this.added.toValue(value, gradient);
    }
  }

  /** Goes through a function of the user by the derivative that the user gave. */
  private async goThroughCall(call: TapedCall): Promise<void> {
    const gradient = await this.arriving(call);
    if (!gradient) return;
    const made = this.recorder.called(call, gradient, await callBackward(call, gradient.tensor));
    made.forEach((one, i) => {
      if (one) this.added.toValue(call.inputs[i]!, one);
    });
  }

  private async goThroughSum(sum: TapedSum): Promise<void> {
    const gradient = await this.arriving(sum);
    if (!gradient) return;
    const own = sum.isTransposed ? this.recorder.transposed(gradient) : gradient;
    for (const input of sum.inputs) this.added.toValue(input, own);
  }

  /** What goes back through something that is no run; null where nothing does, or nothing that comes before is asked for. */
  private async arriving({ value, inputs }: TapedCall | TapedSum): Promise<Gradient | null> {
    if (!inputs.some((input) => this.slots.isActiveValue(input))) return null;
    const gradient = this.added.ofValue(value);
    if (!this.goal.replaced.has(value)) return gradient;
    if (!gradient) throw new IndependentError(value);
    return this.goal.replacement(value);
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
    const made = await this.derivatives.of(
      run,
      step,
      [...new Set(wanted)],
      settled,
      weights.flatMap(({ share }) => share ?? []),
    );
    this.settling = null;
    for (const { name, register } of inner) if (made.has(name)) before.set(register, made.get(name)!);
    for (const [register, gradient] of before) this.added.setRegister(run, register, gradient);
    for (const { name, register } of feeds) if (made.has(name)) this.added.toRegister(run, register, made.get(name)!);
    for (const { value, name, isTransposed } of weights) {
      const given = made.get(name);
      const gradient = given && isTransposed ? this.recorder.transposed(given) : given;
      if (gradient) this.added.toWeight(value, gradient);
    }
  }

  /** Sets a gradient at the dispatch which the pass is at, and keeps what it was before. */
  private async settle({ name, register, value, isHome }: ReplacedPort, settling: Settling): Promise<void> {
    const { pending, before, settled } = settling;
    if (settled.has(name)) return;
    if (pending.has(name)) throw new OrderError();
    pending.add(name);
    const { run } = this.place;
    const hasCome = this.added.ofRegister(run, register) !== null;
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
    return (await this.derivatives.of(run, step, [name], settling.settled)).get(name) ?? null;
  }

  private runAt(run: number): TapedRun {
    return this.tape[run] as TapedRun;
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
