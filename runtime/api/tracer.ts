import { TraceError } from '../errors.ts';
import type { HostFunction } from '../execution/apply.ts';
import { asTraced } from '../functions/nodes.ts';
import { DTYPES } from '../graph/types.ts';
import { isCompiled } from '../operators/blocks.ts';
import { toProxy, wrap } from '../tracing/apply.ts';
import { builder } from '../tracing/builder.ts';
import { callerSite } from '../tracing/caller.ts';
import { ours } from '../tracing/harmless.ts';
import { inner } from '../tracing/hidden.ts';
import { isPlainObject } from '../tracing/plain-object.ts';
import type { Operand, Traced } from '../types/tensor.ts';
import type {
  Applied,
  ApplyResult,
  Cache,
  CachedInput,
  CacheEntry,
  CacheOptions,
  Tracer as PublicTracer,
  Real,
} from '../types/tracer.ts';
import { isBlock } from './blocks.ts';
import { cacheOf } from './cache.ts';
import { closeMembers } from './known-members.ts';
import { CHECKED_LATER, FLAG } from './option-kinds.ts';
import { checkNoMore, checkOptions, type OptionKinds } from './options.ts';
import type { Tracing } from './tracing.ts';

type OpenInvoke = (inputs: unknown, block: () => unknown) => unknown;

const CACHE_OPTIONS: OptionKinds<CacheOptions> = {
  modules: CHECKED_LATER,
  outputs: FLAG,
  inputs: FLAG,
  positions: CHECKED_LATER,
  gradients: FLAG,
};

/** The argument of a block: everything about the trace that does not belong to a module. */
export class Tracer implements PublicTracer<unknown> {
  readonly #tracing: Tracing;
  readonly #open: OpenInvoke | null;

  constructor(tracing: Tracing, open: OpenInvoke | null = null) {
    this.#tracing = tracing;
    this.#open = open;
    closeMembers(this, 'The tracer');
  }

  /**
   * Adds inputs to the batch. The block sees and sets their rows alone; without inputs it sees the whole batch. Gives
   * what the block returns.
   */
  invoke<R>(inputs: unknown, block: () => R): R;
  invoke<R>(block: () => R): R;
  invoke(inputs: unknown, block?: () => unknown, ...rest: unknown[]): unknown {
    const [given, inner] = isBlock<[]>(inputs) ? [undefined, inputs] : [inputs, block];
    checkNoMore('invoke(inputs, block)', inner === inputs && block !== undefined ? [block] : rest);
    if (!inner) throw new TraceError('invoke needs a block: tracer.invoke(inputs, () => { … }).', callerSite());
    if (!isCompiled(inner)) {
      throw new TraceError(
        "The block of invoke was not compiled: write it in place, or give it 'use trace'.",
        callerSite(),
      );
    }
    if (!this.#open) {
      throw new TraceError(
        'This trace has its inputs already. Call trace without inputs, model.trace((tracer) => { tracer.invoke(inputs, block); … }), to give several.',
        callerSite(),
      );
    }
    if (block && inputs === undefined) {
      throw new TraceError(
        'The input of this invoke is undefined. To work on the whole batch leave it out: tracer.invoke(() => { … }).',
        callerSite(),
      );
    }
    return this.#open(given, inner);
  }

  /** Only a generation has steps. */
  iter(..._: unknown[]): Iterable<number> {
    throw noSteps();
  }

  all(): Iterable<number> {
    throw noSteps();
  }

  next(..._: unknown[]): number {
    throw noSteps();
  }

  get result(): Traced {
    throw new TraceError(
      'A trace is one forward pass and generates nothing: read what the model gives, model.output. The tokens of a generation are tracer.result in the block of model.generate(…).',
      callerSite(),
    );
  }

  /** Ends the trace here: what is saved later does not come back, and nothing is computed for it. */
  stop(...rest: readonly never[]): void {
    checkNoMore('stop()', rest);
    const target = builder();
    if (target.isBranching) {
      throw new TraceError(
        'stop() stands in a branch or loop that depends on a traced value. Return from the block there instead.',
        target.site,
      );
    }
    this.#tracing.stopHere();
  }

  /**
   * Runs a function on real tensors in the middle of the forward pass; it may be asynchronous. It returns a tensor like
   * its first one; if its dtype or dims differ, give them as the last argument.
   */
  apply<const T extends readonly Operand[]>(
    fn: (...tensors: Real<T>) => Applied | Promise<Applied>,
    ...tensors: T
  ): Traced;
  apply<const T extends readonly Operand[]>(
    fn: (...tensors: Real<T>) => Applied | Promise<Applied>,
    ...tensors: readonly [...T, ApplyResult]
  ): Traced;
  apply(fn: HostFunction['run'], ...values: unknown[]): Traced {
    const target = builder();
    if (typeof fn !== 'function') {
      throw new TraceError('apply needs a function: tracer.apply((x) => …, tensor).', target.site);
    }
    if (target.isIterating) {
      throw new TraceError(
        'apply stands in a loop that depends on a traced value, where the model itself decides how often it runs. Apply the function before, and use its result there.',
        target.site,
      );
    }
    const last = values.at(-1);
    const given: ApplyResult = isPlainObject(last) ? last : {};
    checkOptions('apply', given, {
      dtype: CHECKED_LATER,
      dims: CHECKED_LATER,
      backward: CHECKED_LATER,
    });
    const proxies = (isPlainObject(last) ? values.slice(0, -1) : values).map((value) => toProxy(value));
    if (given.dtype !== undefined && !DTYPES.includes(given.dtype)) {
      throw new TraceError(
        `apply: there is no dtype '${given.dtype}'. It is one of ${DTYPES.join(', ')}.`,
        target.site,
      );
    }
    if (given.backward !== undefined && typeof given.backward !== 'function') {
      throw new TraceError('apply: backward is a function: { backward: (gradient, x) => … }.', target.site);
    }
    const like = proxies[0]?.[inner].type ?? { dtype: 'float32' as const, shape: null };
    const type = { dtype: given.dtype ?? like.dtype, shape: given.dims ?? (given.dtype ? null : like.shape) };
    const node = target.addTyped(
      'apply',
      proxies.map((proxy) => proxy[inner].value()),
      [type],
      { guarded: false },
    );
    const made = node.outputs[0]!;
    this.#tracing.functions.set(made, { run: fn, backward: given.backward ?? null });
    return asTraced(wrap(target, made));
  }

  /**
   * Keeps the outputs of all modules, or of some, as they are at the end of the block: after the trace, tensors by the
   * path of the module.
   */
  cache(options: CacheOptions & { readonly outputs: false; readonly inputs: true }): Cache<CachedInput>;
  cache(options?: CacheOptions): Cache;
  cache(options: CacheOptions = {}): Cache<CacheEntry | CachedInput> {
    checkOptions('cache', options, CACHE_OPTIONS);
    return cacheOf(this.#tracing, options);
  }
}
ours(Tracer);

function noSteps(): TraceError {
  return new TraceError(
    'A trace is one forward pass and has no steps. Use iter(), all() and next() in the block of model.generate(…).',
    callerSite(),
  );
}
