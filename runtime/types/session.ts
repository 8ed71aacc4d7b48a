import type { TensorData } from '../tensor/tensor.ts';
import type { GeneratedInSession, GenerateOptions, StepTracer } from './generation.ts';
import type { Traced } from './tensor.ts';
import type { Tracer } from './tracer.ts';

/** Inputs of a trace of a session: values of earlier traces, the main input or by name, and of modules by their paths. */
export type EarlierInputs = Traced | Readonly<Record<string, TensorData | Traced | undefined>>;

/** Several traces that run as one. */
export interface Session<Input> {
  /**
   * A trace of the session. Returns the block's result: its values can be used in the traces that follow, as their inputs
   * too: `{ input_ids: value }`.
   */
  trace<R>(inputs: Input | EarlierInputs, block: (tracer: Tracer<Input>) => R): R;
  /** The same for several inputs as one batch: the block gives them with `tracer.invoke(inputs, block)`. */
  trace<R>(block: (tracer: Tracer<Input>) => R): R;
  /**
   * A generation of the session, as `model.generate` makes one. Its tokens and what its block returns can be used in the
   * traces that follow. It ends where a stop token ends all prompts: later steps do not run, and have no values.
   */
  generate<R = undefined>(
    prompt: Input | EarlierInputs,
    options?: GenerateOptions,
    block?: (tracer: StepTracer<Input>) => R,
  ): GeneratedInSession<R>;
  generate<R>(
    prompt: Input | EarlierInputs,
    block: (tracer: StepTracer<Input>) => R,
    options?: GenerateOptions,
  ): GeneratedInSession<R>;
  /** The same for several prompts as one batch: the block gives them with `tracer.invoke(prompt, block)`. */
  generate<R>(options: GenerateOptions, block: (tracer: StepTracer<Input>) => R): GeneratedInSession<R>;
  /** Ends the session here: later traces do not run. */
  stop(): void;
}
