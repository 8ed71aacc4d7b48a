import { TraceError } from '../errors.ts';
import { builder } from '../tracing/builder.ts';
import { callerSite, laterSite } from '../tracing/caller.ts';
import type { TracedForward } from '../tracing/forward.ts';
import { ours } from '../tracing/harmless.ts';
import { isPlainObject } from '../tracing/plain-object.ts';
import type { GeneratedInSession, GenerateOptions, StepTracer } from '../types/generation.ts';
import type { Session as PublicSession } from '../types/session.ts';
import type { Tracer as PublicTracer } from '../types/tracer.ts';
import { withoutActivations } from './activations.ts';
import { givenAt } from './at-caller.ts';
import { type Block, checkCompiled, isBlock } from './blocks.ts';
import type { GenerateSettings } from './generate.ts';
import { readGenerateCall } from './generate-options.ts';
import { Invokes } from './invokes.ts';
import { closeMembers } from './known-members.ts';
import { writeTensor } from './module-tensors.ts';
import { checkNoMore } from './options.ts';
import { generateInSession } from './session-generation.ts';
import { shapesOf } from './shapes.ts';
import { byName, takeInputs } from './taken-inputs.ts';
import { Tracer } from './tracer.ts';
import type { Traceable, Tracing } from './tracing.ts';

/** Reads the options of a generation, of a prompt of some tokens (null: of a length that is not known yet). */
export type ReadSettings = (options: GenerateOptions, promptLength: number | null) => GenerateSettings;

/** Several traces that run as one. */
export class Session implements PublicSession<unknown> {
  readonly #model: Traceable;
  readonly #tracing: Tracing;
  readonly #generating: ReadSettings | null;

  /** @param generating null if the model is no language model */
  constructor(model: Traceable, tracing: Tracing, generating: ReadSettings | null) {
    this.#model = model;
    this.#tracing = tracing;
    this.#generating = generating;
    closeMembers(this, 'The session');
  }

  /**
   * A trace of the session: gives what the block returns, whose values can be used in the traces that follow. Without
   * inputs, the block gives them by `tracer.invoke`.
   */
  trace<R>(inputs: unknown, block: (tracer: PublicTracer<unknown>) => R): R;
  trace<R>(block: (tracer: PublicTracer<unknown>) => R): R;
  trace(inputs: unknown, given?: Block, ...rest: unknown[]): unknown {
    const target = builder();
    const block = isBlock(inputs) ? inputs : given;
    checkNoMore('session.trace(inputs, block)', block === inputs && given !== undefined ? [given] : rest);
    if (target.forward) {
      throw new TraceError('A trace stands inside another one. Put one after the other in the session.', callerSite());
    }
    if (!block) throw new TraceError('session.trace needs a block: session.trace(inputs, () => { … }).', callerSite());
    checkCompiled(block);
    return this.#part(() =>
      block === inputs
        ? new Invokes(this.#model, this.#tracing, laterSite()).build(block)
        : this.#traceOne(inputs, block),
    );
  }

  /**
   * A generation of the session: gives its tokens, prompts included, and what its block returns, as values of the traces
   * that follow. It ends where a stop token ends all prompts: later steps do not run, and have no values.
   */
  generate<R = undefined>(
    prompt: unknown,
    options?: GenerateOptions,
    block?: (tracer: StepTracer<unknown>) => R,
  ): GeneratedInSession<R>;
  generate<R>(
    prompt: unknown,
    block: (tracer: StepTracer<unknown>) => R,
    options?: GenerateOptions,
  ): GeneratedInSession<R>;
  generate<R>(options: GenerateOptions, block: (tracer: StepTracer<unknown>) => R): GeneratedInSession<R>;
  generate(prompt: unknown, second?: unknown, third?: unknown): GeneratedInSession<unknown> {
    if (builder().forward) {
      throw new TraceError('A generation stands inside a trace. Put one after the other in the session.', callerSite());
    }
    const generating = this.#generating;
    if (!generating) {
      throw new TraceError('Only a language model generates: open it with LanguageModel.load(folder).', callerSite());
    }
    const call = readGenerateCall(prompt, second, third);
    return this.#part(() => generateInSession(this.#model, this.#tracing, call, generating));
  }

  /** Records a trace or a generation. */
  #part<R>(record: () => R): R {
    const target = builder();
    const first = target.forwards.length;
    const isStopped = this.#tracing.stopped !== null;
    const nodes = target.region.nodes.length;
    const returned = record();
    for (const forward of target.forwards.slice(first).reverse()) this.#tracing.closeForward(forward);
    // stop() in this part ends this part alone.
    if (!isStopped) this.#tracing.dropStopped(target.region, nodes);
    return returned;
  }

  #traceOne(inputs: unknown, block: Block): unknown {
    const { map } = this.#model;
    const given = byName(map.model, inputs);
    const { own, places } = givenAt(laterSite(), () =>
      isPlainObject(given) ? withoutActivations(map, given) : { own: given, places: [] },
    );
    const forward = this.#open(own);
    return builder().inForward(forward, () => {
      // Values of earlier traces, or data, in the places of what modules compute.
      for (const { address, value } of places) writeTensor(forward, address, value);
      return block(new Tracer(this.#tracing));
    });
  }

  /** Opens the forward of a trace, on data or on values of earlier traces. */
  #open(inputs: unknown): TracedForward {
    const { map } = this.#model;
    const made = givenAt(laterSite(), () => this.#model.inputs.prepare(inputs));
    const symbolic = map.formulas!;
    const taken = takeInputs(map.model, made);
    const forward = this.#model.openForward(
      this.#tracing,
      shapesOf(symbolic, symbolic.sizes(taken.dims)),
      taken.known ?? new Map(),
    );
    if (taken.values.size > 0) this.#tracing.forwards.takeInputs(forward, taken);
    return forward;
  }

  /** Ends the session here: later traces do not run, and what is saved in them does not come back. */
  stop(...rest: readonly never[]): void {
    checkNoMore('stop()', rest);
    const target = builder();
    if (target.isBranching) {
      throw new TraceError(
        'stop() stands in a branch or loop that depends on a traced value. Return from the block of the session there instead.',
        target.site,
      );
    }
    // Later traces do not run, so nothing that they write into a saved value is in it.
    target.saves.settle(target.region);
    this.#tracing.stopHere();
  }
}
ours(Session);
