import type { HostFunction } from '../execution/apply.ts';
import type { Engine } from '../execution/engine.ts';
import { Execution, type ExecutionOptions, type ForwardRun } from '../execution/execution.ts';
import type { InterventionGraph } from '../graph/graph.ts';
import { type Rewritten, unchanged } from '../graph/passes/pass.ts';
import { untangle } from '../graph/passes/untangle.ts';
import type { Region, Value } from '../graph/types.ts';
import { findCycle } from '../lowering/dependencies.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { activeBuilder, Builder, withBuilder } from '../tracing/builder.ts';
import type { TracedForward } from '../tracing/forward.ts';
import type { InputMaker } from './input-maker.ts';
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
  /** How many saves there were when the trace was told to stop; null if it was not. */
  stopped: number | null = null;

  /** The graph in the form in which it runs, once the block has ended. */
  private ready: Rewritten = unchanged(this.builder.graph);

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
    return (
      this.builder.forwards.findLast(
        (forward) =>
          (forward === main || this.runs[forward.id]?.owner === main.id) && TypedModel.of(forward).map === map,
      ) ?? null
    );
  }

  /** Runs the user's code that builds the graph, and finds the results that are wanted back. */
  build(block: () => unknown): Results {
    const results = withBuilder(this.builder, () => {
      const returned = block();
      if (this.builder.failure) throw this.builder.failure;
      for (const end of this.atEnd) end();
      this.builder.saves.settle(this.builder.region);
      this.closeForwards();
      this.builder.open = false;
      this.dropStopped(this.builder.graph.root, 0);
      return new Results(this.builder, returned);
    });
    this.builder.graph.saves.push(...results.saves());
    const models = this.runs.map(({ engine }) => engine);
    this.ready = untangle(this.builder.graph, { cycle: (graph) => findCycle(graph, models) });
    return results;
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

  /** Forgets saves made after `stop()`; writes of the region, from a position on, may then have no effect. */
  dropStopped(region: Region, from: number): void {
    if (this.stopped === null) return;
    for (const saved of this.builder.saves.all.slice(this.stopped)) {
      saved.slot.state = null;
      saved.absence = 'was saved after stop()';
    }
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

  /** Runs the graph. A value of a forward that did not run is undefined. */
  async execute(options: ExecutionOptions, also: readonly Value[] = []): Promise<(Tensor | undefined)[]> {
    const { graph } = this;
    const wanted = [...graph.saves.map(({ value }) => value), ...also.map((value) => this.value(value))];
    const functions = new Map([...this.functions].map(([made, fn]) => [this.value(made), fn]));
    const execution = new Execution(graph, this.runs, functions, options);
    if (this.runs.length === 1 && this.functions.size === 0 && also.length === 0) return execution.single();
    await execution.run(wanted);
    return wanted.map((value) => execution.values.get(value));
  }
}

/** The trace that the running code belongs to. */
export function activeTracing(): Tracing | null {
  const owner = activeBuilder()?.owner;
  return owner instanceof Tracing ? owner : null;
}
