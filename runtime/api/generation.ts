import type { ItemForm } from '../graph/ops.ts';
import type { Value } from '../graph/types.ts';
import { isPast, LOGITS, pastOf } from '../inputs/convention.ts';
import type { Sizes } from '../shapes/symbolic.ts';
import { apply, toProxy } from '../tracing/apply.ts';
import type { TracedForward } from '../tracing/forward.ts';
import { inner } from '../tracing/hidden.ts';
import { owning } from '../tracing/proxy.ts';
import type { AskedStep, StepOutputs } from '../types/course.ts';
import type { Block } from './blocks.ts';
import type { Invokes } from './invokes.ts';
import { shapesOf } from './shapes.ts';
import { type Steps, StepTracer } from './step-tracer.ts';
import type { Traceable, Tracing } from './tracing.ts';
import { TypedModel } from './typed-model.ts';

/** Values that stand in the graph for what only the run of a generation tells. */
export interface Outcomes {
  /** Whether it gets to a step (bool, no dimensions). */
  reached(asked: AskedStep): Value;
  /** All tokens at its end, prompts and padding included: int64 [rows, tokens]. */
  result(): Value;
}

/** A generation in the making: a forward for every token that it can have. */
export class Generation implements Steps {
  readonly count: number;
  readonly tracing: Tracing;
  readonly outputs: StepOutputs[] = [];
  private readonly model: Traceable;
  readonly forwards: TracedForward[] = [];
  private readonly outcomes: Outcomes;
  private readonly asked: { readonly one: AskedStep; readonly value: Value }[] = [];
  /** Whether the key-value cache goes from step to step. */
  readonly cached: boolean;
  private readonly mayEnd: boolean;
  /** The last step that runs. */
  last: number;
  private step = 0;
  /** The last step that the block has got to. */
  private furthest = 0;

  /**
   * @param mayEnd whether a token may end it early
   */
  constructor(
    model: Traceable,
    tracing: Tracing,
    outcomes: Outcomes,
    { count, cached, mayEnd }: { readonly count: number; readonly cached: boolean; readonly mayEnd: boolean },
  ) {
    this.outcomes = outcomes;
    this.cached = cached;
    this.mayEnd = mayEnd;
    this.model = model;
    this.tracing = tracing;
    this.count = count;
    this.last = count - 1;
  }

  get current(): number {
    return this.step;
  }

  set current(step: number) {
    this.step = step;
    this.furthest = Math.max(this.furthest, step);
    const { builder, forwards } = this.tracing;
    forwards.offsets.clear();
    builder.forward = this.forwards[step]!;
    builder.reached = this.reached(step);
  }

  rest(): void {
    this.tracing.builder.reached = null;
  }

  forwardOf(step: number): TracedForward {
    return this.forwards[step]!;
  }

  /** The rows of an invoke get to a step if one of them has not ended before. */
  reached(step: number): Value | null {
    if (step === 0 || !this.mayEnd) return null;
    const { rows } = this.tracing.builder;
    const known = this.asked.find(({ one }) => one.step === step && one.rows?.start === rows?.start);
    if (known) return known.value;
    const one = { step, rows };
    const value = this.outcomes.reached(one);
    this.asked.push({ one, value });
    return value;
  }

  get result(): Value {
    return this.outcomes.result();
  }

  end(): void {
    this.last = Math.min(this.last, this.furthest);
  }

  /**
   * Runs the block of the user.
   * @param sizes the sizes of a step's inputs; null for sizes that are not known before the run
   */
  record(block: Block<[StepTracer]> | null, sizes: (step: number) => Sizes, invokes: Invokes | null): unknown {
    const { builder } = this.tracing;
    this.tracing.forwards.stepForward = (offset) => {
      const forward = this.forwards[this.step + offset];
      if (forward) this.furthest = Math.max(this.furthest, this.step + offset);
      return forward ?? null;
    };
    for (let step = 0; step < this.count; step++) this.forwards.push(this.open(step, sizes(step)));
    const tracer = new StepTracer(this, this.tracing, invokes && ((inputs, inner) => invokes.invoke(inputs, inner)));
    const returned = builder.inForward(this.forwards[0]!, () => block?.(tracer));
    invokes?.checkGiven();
    return returned;
  }

  private open(step: number, sizes: Sizes): TracedForward {
    const { model, tracing, cached } = this;
    if (step === 0) return model.openForward(tracing, shapesOf(model.map.formulas!, sizes), new Map());
    const { formulas } = model.afterFirst(cached).map;
    return model.openStep(tracing, shapesOf(formulas!, sizes), cached, this.forwards[0]!);
  }

  /** Ends the block: what follows is about no step. */
  leave(): void {
    this.tracing.builder.reached = null;
    this.tracing.forwards.stepForward = null;
    this.tracing.forwards.moments = null;
    this.tracing.forwards.offsets.clear();
  }

  /** Reads what goes from step to step, as it is at the end of the block. */
  close(): void {
    const { builder } = this.tracing;
    const { reading } = builder;
    // No line of the user reads them: to look for one, thousands of times, is slow.
    builder.reading ??= builder.site;
    for (const forward of this.forwards.slice(0, this.last + 1)) this.outputs.push(this.outputsOf(forward));
    builder.reading = reading;
    for (const { logits, cache } of this.outputs) this.tracing.carried.push(logits, ...cache.values());
  }

  /** The step of a forward; -1 for the forward of another model that is called in a step. */
  stepOf(forward: number): number {
    return this.forwards.findIndex(({ id }) => id === forward);
  }

  /** The values of the outputs at the end of the block, and those of earlier steps that stay as they were. */
  private outputsOf(forward: TracedForward): StepOutputs {
    const { builder } = this.tracing;
    const { outputs } = TypedModel.of(forward).map.model;
    const { inputs } = this.model.afterFirst(this.cached).map.model;
    const at = (index: number) => owning(builder, forward.read({ path: '', port: 'output', index, call: 0 }));
    const logits = at(outputs.findIndex(({ name }) => name === LOGITS));
    const items: readonly ItemForm[] = [
      { kind: 'slice', start: false, stop: false, step: false, size: null },
      { kind: 'int' },
    ];
    // Those of one token, as with a cache, are the last ones: to take them out would be one more session in each step.
    const { shape } = logits[inner].type;
    const isOne = shape?.length === 3 && shape[1] === 1;
    const last = isOne ? logits : apply('getitem', [logits, toProxy(-1)], { items });
    const cache = new Map(this.outputs.at(-1)?.cache);
    for (const [i, { name }] of outputs.entries()) {
      const input = pastOf(name, inputs);
      if (input !== null && (this.cached || !isPast(input))) cache.set(input, at(i)[inner].value());
    }
    return { logits: last[inner].value(), cache };
  }
}
