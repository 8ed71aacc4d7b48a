import type { ItemForm } from '../graph/ops.ts';
import type { Value } from '../graph/types.ts';
import { isPresent } from '../inputs/convention.ts';
import type { Sizes } from '../shapes/symbolic.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { apply, toProxy } from '../tracing/apply.ts';
import type { TracedForward } from '../tracing/forward.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import type { Block } from './blocks.ts';
import type { Invokes } from './invokes.ts';
import type { Results } from './results.ts';
import { shapesOf } from './shapes.ts';
import { type Steps, StepTracer } from './step-tracer.ts';
import type { Traceable, Tracing } from './tracing.ts';

/** The outputs of a step that the next one needs. */
export interface StepOutputs {
  /** The logits of the last position, [rows, vocabulary]. */
  readonly logits: Value;
  /** The key-value cache: the values of the outputs that give it, by name. */
  readonly present: ReadonlyMap<string, Value>;
}

/** A generation in the making: a forward for every token that it can have. */
export class Generation implements Steps {
  readonly count: number;
  readonly tracing: Tracing;
  readonly outputs: StepOutputs[] = [];
  private readonly model: Traceable;
  private readonly forwards: TracedForward[] = [];
  private readonly cached: boolean;
  /** The last step that runs. */
  last: number;
  private step = 0;

  /** @param cached whether the key-value cache goes from step to step */
  constructor(model: Traceable, tracing: Tracing, count: number, cached: boolean) {
    this.cached = cached;
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
    this.tracing.offsets.clear();
    this.tracing.builder.forward = this.forwards[step]!;
  }

  /**
   * Runs the block of the user.
   * @param sizes the sizes of a step's inputs; null for sizes that are not known before the run
   */
  build(block: Block<[StepTracer]> | null, sizes: (step: number) => Sizes, invokes: Invokes | null): Results {
    const { builder } = this.tracing;
    this.tracing.stepForward = (offset) => this.forwards[this.step + offset] ?? null;
    return this.tracing.build(() => {
      const symbolic = this.model.map.formulas!;
      const none: ReadonlyMap<string, Tensor> = new Map();
      for (let step = 0; step < this.count; step++) {
        this.forwards.push(this.model.openForward(this.tracing, shapesOf(symbolic, sizes(step)), none));
      }
      const tracer = new StepTracer(this, this.tracing, invokes && ((inputs, inner) => invokes.invoke(inputs, inner)));
      const returned = builder.inForward(this.forwards[0]!, () => block?.(tracer));
      invokes?.checkGiven();
      this.tracing.atEnd.push(() => {
        for (const forward of this.forwards) this.outputs.push(this.outputsOf(forward));
      });
      return returned;
    });
  }

  /** The step of a forward; -1 for the forward of another model that is called in a step. */
  stepOf(forward: number): number {
    return this.forwards.findIndex(({ id }) => id === forward);
  }

  /** The values of the model's outputs at the end of the block. */
  private outputsOf(forward: TracedForward): StepOutputs {
    const { builder } = this.tracing;
    const { outputs } = this.model.map.model;
    const at = (index: number) => new TensorProxy(builder, forward.read({ path: '', port: 'output', index, call: 0 }));
    const logits = outputs.findIndex(({ name }) => name === 'logits');
    const items: readonly ItemForm[] = [
      { kind: 'slice', start: false, stop: false, step: false, size: null },
      { kind: 'int' },
    ];
    const last = apply('getitem', [at(Math.max(0, logits)), toProxy(-1)], { items });
    const present = outputs.flatMap(({ name }, i) =>
      this.cached && isPresent(name) ? [[name, at(i).value()] as const] : [],
    );
    return { logits: last.value(), present: new Map(present) };
  }
}
