import { TraceError } from '../errors.ts';
import type { HostFunction } from '../execution/apply.ts';
import { asSaved, asTraced } from '../functions/nodes.ts';
import { DTYPES } from '../graph/types.ts';
import { walk } from '../modules/module.ts';
import { isCompiled } from '../operators/blocks.ts';
import { toProxy, wrap } from '../tracing/apply.ts';
import { builder } from '../tracing/builder.ts';
import { callerSite } from '../tracing/caller.ts';
import { readGradient } from '../tracing/gradients.ts';
import { ours } from '../tracing/harmless.ts';
import { isPlainObject } from '../tracing/plain-object.ts';
import type { TensorProxy } from '../tracing/proxy.ts';
import { save } from '../tracing/saves.ts';
import type { Operand, Traced } from '../types/tensor.ts';
import type { Applied, ApplyResult, Cache, CacheOptions, Tracer as PublicTracer, Real } from '../types/tracer.ts';
import { isBlock } from './blocks.ts';
import { type ModelMap, TypedModel } from './locate.ts';
import { envoyOf } from './module-proxy.ts';
import { readTensor } from './module-tensors.ts';
import type { Tracing } from './tracing.ts';

type OpenInvoke = (inputs: unknown, block: () => unknown) => unknown;

/** The argument of a block: everything about the trace that does not belong to a module. */
export class Tracer implements PublicTracer<unknown> {
  readonly #tracing: Tracing;
  readonly #open: OpenInvoke | null;

  constructor(tracing: Tracing, open: OpenInvoke | null = null) {
    this.#tracing = tracing;
    this.#open = open;
  }

  /**
   * Adds inputs to the batch. The block sees and sets their rows alone; without inputs it sees the whole batch. Gives
   * what the block returns.
   */
  invoke<R>(inputs: unknown, block: () => R): R;
  invoke<R>(block: () => R): R;
  invoke(inputs: unknown, block?: () => unknown): unknown {
    const [given, inner] = isBlock<[]>(inputs) ? [undefined, inputs] : [inputs, block];
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

  /** Ends the trace here: what is saved later does not come back, and nothing is computed for it. */
  stop(): void {
    const target = builder();
    if (target.isBranching) {
      throw new TraceError(
        'stop() stands in a branch or loop that depends on a traced value. Return from the block there instead.',
        target.site,
      );
    }
    this.#tracing.stopped ??= target.saves.all.length;
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
    if (target.isBranching) {
      throw new TraceError(
        'apply stands in a branch or loop that depends on a traced value, where the model itself decides what runs. Apply the function before, and use its result there.',
        target.site,
      );
    }
    const last = values.at(-1);
    const given: ApplyResult = isPlainObject(last) ? last : {};
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
    const like = proxies[0]?.type ?? { dtype: 'float32' as const, shape: null };
    const type = { dtype: given.dtype ?? like.dtype, shape: given.dims ?? (given.dtype ? null : like.shape) };
    const node = target.addTyped(
      'apply',
      proxies.map((proxy) => proxy.value()),
      [type],
      {},
    );
    const made = node.outputs[0]!;
    this.#tracing.functions.set(made, { run: fn, backward: given.backward ?? null });
    return asTraced(wrap(target, made));
  }

  /**
   * Keeps the outputs of all modules, or of some, as they are at the end of the block: after the trace, tensors by the
   * path of the module.
   */
  cache(options: CacheOptions = {}): Cache {
    const cache: Cache = {};
    const target = builder();
    const { forward, rows } = target;
    if (!forward) throw new TraceError('cache() belongs in the block of a trace.', callerSite());
    if (target.conditional) {
      throw new TraceError(
        'cache() stands in a branch or loop that depends on a traced value. It keeps the values at the end of the block: call it outside.',
        callerSite(),
      );
    }
    if (options.gradients && target.passes.length === 0) {
      throw new TraceError(
        'cache({ gradients: true }) needs a backward pass: call backward(loss) first.',
        callerSite(),
      );
    }
    const { map } = TypedModel.of(forward);
    const modules = chosenOf(map, options.modules).map((path) => [path, map.find(path)] as const);
    this.#tracing.atEnd.push(() => {
      target.rows = rows;
      for (const [name, { path, calls }] of modules) {
        const entry = (call: number) => {
          const at = (port: 'output' | 'input') => readTensor(forward, { path, port, index: 0, call });
          const both = (of: (port: 'output' | 'input') => TensorProxy) => ({
            output: asSaved(save(of('output'))),
            ...(options.inputs && { input: asSaved(save(of('input'))) }),
          });
          return {
            ...both(at),
            ...(options.gradients && { gradient: both((port) => readGradient(at(port), 'absent')) }),
          };
        };
        const value = { ...entry(0), ...(calls.length > 1 && { calls: calls.map((_, call) => entry(call)) }) };
        // A module may be called __proto__: an assignment would set something else.
        Object.defineProperty(cache, name, { value, enumerable: true, configurable: true, writable: true });
      }
      target.rows = null;
    });
    return cache;
  }
}
ours(Tracer);

/** The names of the modules that a cache keeps. */
function chosenOf(map: ModelMap, modules: CacheOptions['modules']): string[] {
  if (modules === undefined) return modulesOf(map);
  if (isFilter(modules)) return modulesOf(map).filter((path) => modules(path));
  return modules.map((one) => {
    const envoy = envoyOf(one);
    if (envoy && envoy.map !== map) {
      throw new TraceError(
        `${envoy.path || 'A module'} belongs to another model than the one that runs here.`,
        callerSite(),
      );
    }
    return envoy?.path ?? (one as string);
  });
}

function isFilter(modules: NonNullable<CacheOptions['modules']>): modules is (path: string) => boolean {
  return typeof modules === 'function';
}

/** The modules that run and have an output of their own. */
function modulesOf(map: ModelMap): string[] {
  return [...walk(map.tree)]
    .filter(
      ({ path, calls }) => path !== '' && calls.some(({ outputs, order }) => outputs.length > 0 && order !== 'unknown'),
    )
    .map(({ path }) => path);
}

function noSteps(): TraceError {
  return new TraceError(
    'A trace is one forward pass and has no steps. Use iter(), all() and next() in the block of model.generate(…).',
    callerSite(),
  );
}
