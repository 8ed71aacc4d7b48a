import type { Value } from '../graph/types.ts';
import { inner } from './hidden.ts';
import type { Slot } from './journal.ts';
import type { TensorProxy } from './proxy.ts';

/**
 * What must hold for the code of a block to go on, where JavaScript would throw an error: a number that is there only where
 * all of it holds. Conditionals and loops take it from body to body as they do every slot.
 */
export class Demand implements Slot {
  readonly name = 'what must be there';
  readonly isOfForward: boolean;
  /** 0: nothing has been demanded. */
  held: TensorProxy | 0 = 0;

  /** @param isOfStep whether it is about a step of a generation, which may not run */
  constructor(isOfStep: boolean) {
    this.isOfForward = isOfStep;
  }

  get(): TensorProxy | 0 {
    return this.held;
  }

  set(held: TensorProxy | 0): void {
    this.held = held;
  }
}

/** The demands of one block. */
export class Demands {
  /** Whether nobody wants any more what the code does. */
  areOver = false;
  /** At the end of the block: what has to be computed, each with the step that it is about. */
  readonly values = new Map<Value | null, Value>();
  private readonly bySteps = new Map<Value | null, Demand>();

  /** @param step the condition that a step of a generation is reached; null where that is none */
  of(step: Value | null): Demand {
    const demand = this.bySteps.get(step) ?? new Demand(step !== null);
    this.bySteps.set(step, demand);
    return demand;
  }

  close(): void {
    for (const [step, { held }] of this.bySteps) if (held !== 0) this.values.set(step, held[inner].value());
  }
}
