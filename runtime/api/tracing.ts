import { TraceError } from '../errors.ts';
import type { HostFunction } from '../execution/apply.ts';
import type { Engine } from '../execution/engine.ts';
import { Execution, type ExecutionOptions, type ForwardRun, hasGradients } from '../execution/execution.ts';
import { LateGraph } from '../execution/late-graph.ts';
import type { InterventionGraph } from '../graph/graph.ts';
import type { Rewritten } from '../graph/passes/pass.ts';
import { untangle } from '../graph/passes/untangle.ts';
import type { Region, Site, Value } from '../graph/types.ts';
import { findCycle } from '../lowering/dependencies.ts';
import { addElements } from '../tensor/add.ts';
import type { AnyParameter, Parameter } from '../tensor/parameter.ts';
import { Tensor } from '../tensor/tensor.ts';
import { activeBuilder, Builder, withBuilder } from '../tracing/builder.ts';
import { callerSite } from '../tracing/caller.ts';
import type { TracedForward } from '../tracing/forward.ts';
import { type ParameterGradient, parameterGradients } from '../tracing/gradients.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import { varyingOf } from '../tracing/varying.ts';
import type { InputMaker } from './input-maker.ts';
import { LeftBehind } from './left-behind.ts';
import { type ModelMap, type Shapes, TypedModel } from './locate.ts';
import { Results } from './results.ts';

/** A model that can run in a trace. */
export interface RunnableModel {
  readonly map: ModelMap;
  readonly engine: Engine;
}

/** A model whose forwards can stand in a trace. */
export interface Traceable extends RunnableModel {
  readonly inputs: InputMaker;
  /** Opens a forward, with the edits of the model in it. */
  openForward(tracing: Tracing, shapes: Shapes, inputs: ReadonlyMap<string, Tensor>): TracedForward;
}

/** A trace, session or generation while it is recorded: a graph in the making, and the forwards in it. */
export class Tracing {
  readonly builder = new Builder(this);
  readonly runs: ForwardRun[] = [];
  /** The functions of the user, by the values that they return. */
  readonly functions = new Map<Value, HostFunction>();
  /** Called when the block has ended, before the results are collected. */
  readonly atEnd: (() => void)[] = [];
  /** In a generation: the forward of the step that is some steps on from the current one, or null. */
  stepForward: ((offset: number) => TracedForward | null) | null = null;
  /** By how many steps `next()` moved each module. */
  readonly offsets = new Map<string, number>();
  /** Truth values that only the run decides: whether a generation gets to a step. */
  readonly conditions = new Set<Value>();
  /** What goes from step to step of a generation: kept, beside what is saved. */
  readonly carried: Value[] = [];
  /** How many saves there were when the trace was told to stop; null if it was not. */
  stopped: number | null = null;

  /** The parameters whose gradients are computed. */
  private trained: readonly ParameterGradient[] = [];

  /** The graph, once the block has ended. */
  private late!: LateGraph;
  /** The form in which it runs. */
  private ready!: Rewritten;

  /** Opens a forward of a model. With `inside`, it runs in the middle of that other one. */
  openForward(
    model: RunnableModel,
    shapes: Shapes,
    inputs: ForwardRun['inputs'],
    inside: TracedForward | null = null,
  ): TracedForward {
    const forward = this.builder.addForward(new TypedModel(model.map, shapes), inside?.region);
    this.runs[forward.id] = { engine: model.engine, owner: inside?.id ?? forward.id, inputs };
    return forward;
  }

  /** The forward in which the code that runs now sees a module of a model. */
  forwardOf(map: ModelMap, path = ''): TracedForward | null {
    const offset = this.offsets.get(path) ?? 0;
    const main = offset > 0 ? this.stepForward!(offset) : this.builder.forward;
    if (!main) return null;
    const found = this.builder.forwards.filter(
      (forward) => (forward === main || this.runs[forward.id]?.owner === main.id) && TypedModel.of(forward).map === map,
    );
    if (found.length > 1) checkPlaces(TypedModel.of(main).map, map);
    return found.at(-1) ?? null;
  }

  /** Runs the user's code that builds the graph, and finds the results that are wanted back. */
  build(block: () => unknown): Results {
    const results = withBuilder(this.builder, () => {
      const returned = this.recorded(block);
      const left = new LeftBehind(this.builder);
      for (const end of this.atEnd) end();
      this.builder.saves.settle(this.builder.region);
      for (const pass of this.builder.passes) pass.close();
      this.trained = parameterGradients(this.builder);
      this.closeForwards();
      this.builder.open = false;
      this.dropStopped(this.builder.graph.root, 0);
      return new Results(this.builder, returned, left);
    });
    this.builder.graph.saves.push(
      ...results.saves(),
      ...this.trained.map(({ gradient }, i) => ({ name: `gradient_${i}`, value: gradient })),
    );
    const models = this.runs.map(({ engine }) => engine);
    this.late = new LateGraph(this.builder.graph, this.conditions, this.carried);
    const { early } = this.late;
    const untangled = untangle(early.graph, { cycle: (graph) => findCycle(graph, models) });
    this.ready = { graph: untangled.graph, value: (made) => untangled.value(early.value(made)) };
    return results;
  }

  /** @throws TraceError for what went wrong first, whatever the block made of it */
  private recorded(block: () => unknown): unknown {
    let returned: unknown;
    try {
      returned = block();
    } catch (error) {
      throw this.builder.failure ?? thrownOut(error, this.builder.site);
    }
    if (this.builder.failure) throw this.builder.failure;
    return returned;
  }

  /** Writes the new values of the models' tensors; forwards inside others come first, since their outputs may be written there. */
  closeForwards(): void {
    for (const forward of this.builder.forwards.toReversed()) this.closeForward(forward);
  }

  private readonly closed = new Set<TracedForward>();

  closeForward(forward: TracedForward): void {
    if (this.closed.has(forward)) return;
    this.closed.add(forward);
    this.builder.closeForward(forward);
  }

  /** Adds up the gradients of parameters, which come back behind what is saved. */
  fillGradients(tensors: readonly (Tensor | undefined)[]): void {
    const first = this.builder.graph.saves.length - this.trained.length;
    this.trained.forEach(({ parameter }, i) => {
      const gradient = tensors[first + i];
      if (gradient) addGradient(parameter, gradient);
    });
  }

  /** Forgets saves made after `stop()`; writes of the region, from a position on, may then have no effect. */
  dropStopped(region: Region, from: number): void {
    if (this.stopped === null) return;
    this.builder.saves.stop(this.stopped);
    this.builder.makeLenient(region, from);
    this.stopped = null;
  }

  get graph(): InterventionGraph {
    return this.ready.graph;
  }

  /** The value of the graph that runs for a value that the block made. */
  value(made: Value): Value {
    return this.ready.value(made);
  }

  /** What stays from the forwards until the end. */
  get kept(): readonly Value[] {
    return this.late.kept.map((value) => this.value(value));
  }

  /** Runs the graph and gives what is saved. A value of a forward that did not run is undefined. */
  async execute(options: ExecutionOptions): Promise<(Tensor | undefined)[]> {
    const isSingle = this.runs.length === 1 && this.functions.size === 0 && !hasGradients(this.graph);
    if (isSingle) return this.execution(this.ready, options).single();
    return this.finish(await this.run(options), options);
  }

  /** Runs the forwards, until `options.before` says that it is enough. */
  async run(options: ExecutionOptions): Promise<Execution> {
    const execution = this.execution(this.ready, options);
    await execution.run([...this.kept, ...this.carried.map((value) => this.value(value))]);
    return execution;
  }

  /**
   * Gives what is saved, when the forwards have run.
   * @param holds which of the conditions hold
   */
  async finish(
    ran: Execution,
    { signal, reuse }: ExecutionOptions,
    holds: (condition: Value) => boolean = () => true,
  ): Promise<(Tensor | undefined)[]> {
    const { saves } = this.builder.graph;
    if (this.conditions.size === 0) return saves.map(({ value }) => ran.tensor(this.value(value)));
    const decided = this.late.decided(holds);
    const rest = this.execution(decided, { signal, reuse });
    for (const value of this.late.kept) {
      const tensor = ran.tensor(this.value(value));
      if (tensor) rest.values.set(decided.value(value), tensor);
    }
    await rest.finish(saves.map(({ value }) => decided.value(value)));
    return saves.map(({ value }) => rest.tensor(decided.value(value)));
  }

  private execution(form: Rewritten, options: ExecutionOptions): Execution {
    const isThere = (made: Value) => form !== this.ready || !this.late.left.has(made.node!);
    const functions = [...this.functions].filter(([made]) => isThere(made));
    const named = new Map(functions.map(([made, fn]) => [form.value(made), fn]));
    return new Execution(form.graph, this.runs, named, options);
  }
}

/** Throws where one model is attached at several places: which of its calls is meant cannot be told. */
function checkPlaces(main: ModelMap, map: ModelMap): void {
  const places = [...main.names.attached].flatMap(([path, attached]) => (attached.map === map ? [path] : []));
  if (places.length < 2) return;
  throw new TraceError(
    `One model is attached as ${places.join(' and ')} and was called more than once here, so its modules could be those of either call. Load it once for each place.`,
    callerSite(),
  );
}

/** Adds a gradient to what a parameter has. */
function addGradient(parameter: AnyParameter, gradient: Tensor): void {
  const { grad } = parameter as Parameter;
  const sum = grad
    ? new Tensor(gradient.dtype as 'float32', gradient.dims, addElements(grad.raw, gradient.raw))
    : gradient;
  (parameter as Parameter).grad = sum;
}

/** What a block throws, for those around it: a value of the trace would mean nothing there. */
function thrownOut(error: unknown, site: Site | null): unknown {
  if (!(error instanceof TensorProxy) && !varyingOf(error)) return error;
  return new TraceError(
    'The block throws a value of the trace, which has no value before the model runs. Save it, and throw after the trace.',
    site,
  );
}

/** The trace that the running code belongs to. */
export function activeTracing(): Tracing | null {
  const owner = activeBuilder()?.owner;
  return owner instanceof Tracing ? owner : null;
}
