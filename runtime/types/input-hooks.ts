import type { Inputs } from '../inputs/signature.ts';

/** The user's own functions for the preparation of a run. */
export interface InputHooks {
  /** Makes the model's inputs, by name, from the argument of trace or invoke. */
  prepareInputs?(inputs: unknown): Inputs;
  /**
   * Other entry points, by name: each makes the model's inputs from its arguments. `model.name(…arguments, block)` is
   * `model.trace(inputs, block)`; a block that is written there needs the directive 'use trace'.
   */
  readonly methods?: Readonly<Record<string, (...values: never[]) => Inputs>>;
  /** Makes one batch of the inputs of several invokes: dimension 0 counts the rows of all, in order. */
  batch?(list: readonly Inputs[]): Inputs;
}
