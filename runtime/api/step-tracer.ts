import { TraceError } from '../errors.ts';
import { asTraced } from '../functions/nodes.ts';
import type { Value } from '../graph/types.ts';
import { apply, toProxy, wrap } from '../tracing/apply.ts';
import { builder } from '../tracing/builder.ts';
import { callerSite } from '../tracing/caller.ts';
import type { TracedForward } from '../tracing/forward.ts';
import { ours } from '../tracing/harmless.ts';
import { type Step, StepRange } from '../tracing/step-range.ts';
import type { StepTracer as PublicStepTracer } from '../types/generation.ts';
import type { Traced } from '../types/tensor.ts';
import type { Moment } from './forwards.ts';
import { Tracer } from './tracer.ts';

/** The forwards of a generation, as its block goes through them. */
export interface Steps {
  /** How many steps there can be. */
  readonly count: number;
  /** The step whose modules the code that runs now reads and sets. */
  current: number;
  /** Whether the generation gets to a step (bool, no dimensions); null: it does. */
  reached(step: number): Value | null;
  /** Goes on with the modules of the current step, whether it is reached or not. */
  rest(): void;
  /** The forward of a step. */
  forwardOf(step: number): TracedForward;
  /** Ends the generation with the last step that has been current. */
  end(): void;
  /** All tokens at the end: int64 [rows, tokens]. */
  readonly result: Value;
}

/** The argument of the block of a generation. */
export class StepTracer extends Tracer implements PublicStepTracer<unknown> {
  readonly #steps: Steps;
  /** How many loops over steps are open. */
  #loops = 0;

  constructor(steps: Steps, ...rest: ConstructorParameters<typeof Tracer>) {
    super(...rest);
    this.#steps = steps;
    rest[0].forwards.moments = () => this.#moments();
  }

  /**
   * Goes through steps of the generation: all, one (`iter(2)`), a range (`iter(0, 5)`, `iter(0, null, 2)`) or a list
   * (`iter([0, 2, 5])`). Inside the loop, modules are those of the step; after it, those of its last one.
   */
  override iter(start?: number | readonly number[] | null, stop?: number | null, step = 1): IterableIterator<number> {
    return new StepRange(this.#through(this.#chosen(start, stop, step)));
  }

  *#through(chosen: readonly number[]): Generator<Step, undefined> {
    for (const index of chosen) {
      const before = this.#steps.current;
      this.#steps.current = index;
      this.#loops++;
      try {
        yield { index, reached: this.#steps.reached(index) };
      } finally {
        this.#loops--;
        if (this.#loops > 0) this.#steps.current = before;
        else this.#steps.rest();
      }
    }
  }

  /** What the generation gives, known when all its steps have run: in the block of an invoke its rows. */
  override get result(): Traced {
    const target = builder();
    const all = wrap(target, this.#steps.result);
    if (!target.rows) return asTraced(all);
    const { start, count } = target.rows;
    const items = [{ kind: 'slice', start: true, stop: true, step: false, size: count } as const];
    return asTraced(apply('getitem', [all, toProxy(start), toProxy(start + count)], { items }));
  }

  /** The block of an invoke begins with the first step. */
  override invoke<R>(...given: [inputs: unknown, block: () => R] | [block: () => R]): R {
    const before = this.#steps.current;
    this.#steps.current = 0;
    try {
      return super.invoke(...(given as [block: () => R]));
    } finally {
      this.#steps.current = before;
    }
  }

  /** In a loop over steps its step, else all steps. */
  #moments(): readonly Moment[] {
    const all = Array.from({ length: this.#steps.count }, (_, step) => step);
    return (this.#loops > 0 ? [this.#steps.current] : all).map((step) => ({
      forward: this.#steps.forwardOf(step),
      reached: this.#steps.reached(step),
    }));
  }

  /** Goes through all steps. */
  override all(): IterableIterator<number> {
    return this.iter();
  }

  /** Goes on to the next step (or some steps further): from here on, modules are those of that step. */
  override next(steps = 1): number {
    const to = this.#steps.current + steps;
    this.#check(to, 'next()');
    this.#steps.current = to;
    return to;
  }

  /** Ends the generation with the last step that the block has got to: what is saved later does not come back. */
  override stop(): void {
    super.stop();
    this.#steps.end();
  }

  #chosen(
    start: number | readonly number[] | null | undefined,
    stop: number | null | undefined,
    step: number,
  ): number[] {
    const { count } = this.#steps;
    if (typeof start === 'object' && start !== null) {
      if (!Array.isArray(start)) {
        throw new TraceError('iter takes numbers, iter(start, stop, step), or an array of steps.', callerSite());
      }
      for (const index of start) this.#check(index, `iter([${start}])`);
      const isBack = start.some((index, i) => i > 0 && index < start[i - 1]!);
      if (isBack && start.some((index) => this.#steps.reached(index))) {
        throw new TraceError(
          `iter([${start}]): the steps do not ascend, but a stop token may end this generation early, and then only the first ones run. List them in ascending order, or give stopTokens: [].`,
          callerSite(),
        );
      }
      return [...start];
    }
    if (typeof start === 'number' && stop === undefined) {
      this.#check(start, `iter(${start})`);
      return [start];
    }
    if (!(Number.isInteger(step) && step > 0)) {
      throw new TraceError(`iter: the distance between steps is a positive integer, not ${step}.`, callerSite());
    }
    const from = start ?? 0;
    const range = `iter(${from}, ${stop ?? null})`;
    if (from < count) this.#check(from, range);
    if (from >= count || (typeof stop === 'number' && stop > count)) {
      console.warn(`${range}: the generation has ${count} steps at most, so it ends there.`);
    }
    const end = Math.min(stop ?? count, count);
    const indices: number[] = [];
    for (let index = from; index < end; index += step) indices.push(index);
    return indices;
  }

  #check(index: number, what: string): void {
    if (Number.isInteger(index) && index >= 0 && index < this.#steps.count) return;
    throw new TraceError(
      `${what}: there is no step ${index}. This generation has the steps 0 to ${this.#steps.count - 1}; give more with maxNewTokens.`,
      callerSite(),
    );
  }
}
ours(StepTracer);
