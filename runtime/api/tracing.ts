import type { HostFunction } from '../execution/apply.ts';
import type { Engine } from '../execution/engine.ts';
import { Execution, type ExecutionOptions, type PassRun } from '../execution/execution.ts';
import type { Node, Value } from '../graph/types.ts';
import type { Inputs } from '../inputs/prepare.ts';
import { untangle } from '../partition/untangle.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { Builder, withBuilder } from '../tracing/builder.ts';
import type { Pass } from '../tracing/pass.ts';
import { saves, settleSaves } from '../tracing/saves.ts';
import { type ModelMap, type Shapes, TypedModel } from './locate.ts';
import { Results } from './results.ts';

/** A model as it takes part in a trace. */
export interface TracedPart {
  readonly map: ModelMap;
  readonly engine: Engine;
}

/** A model whose traces can be parts of a larger one. */
export interface Traceable extends TracedPart {
  prepare(inputs: unknown): Inputs;
  batch(list: readonly Inputs[]): Inputs;
  /** Opens a forward pass, with the edits of the model in it. */
  openPass(tracing: Tracing, shapes: Shapes, inputs: ReadonlyMap<string, Tensor>): Pass;
}

const tracings = new WeakMap<Builder, Tracing>();

/** Something that is being traced: a graph in the making, and the forward passes it runs. */
export class Tracing {
  readonly builder = new Builder();
  readonly runs: PassRun[] = [];
  readonly functions = new Map<Node, HostFunction>();
  /** Done when the block has ended and before it is known what comes back. */
  readonly atEnd: (() => void)[] = [];
  /** In a generation: the pass of the step that is some steps on from the current one, or null. */
  stepPass: ((offset: number) => Pass | null) | null = null;
  /** Modules that were sent on by `next()`: how many steps. */
  readonly offsets = new Map<string, number>();
  /** How many saves there were when the trace was told to stop; null if it was not. */
  stopped: number | null = null;

  constructor() {
    tracings.set(this.builder, this);
  }

  static of(builder: Builder): Tracing {
    return tracings.get(builder)!;
  }

  /** Opens a forward pass of a model. With `inside`, it runs in the middle of that other one. */
  openPass(part: TracedPart, shapes: Shapes, inputs: PassRun['inputs'], inside: Pass | null = null): Pass {
    const pass = this.builder.addPass(new TypedModel(part.map, shapes), inside?.region);
    this.runs[pass.id] = { engine: part.engine, owner: inside?.id ?? pass.id, inputs };
    return pass;
  }

  /** The pass in which the code that runs now sees a module of a model. */
  passOf(map: ModelMap, path = ''): Pass | null {
    const offset = this.offsets.get(path) ?? 0;
    const main = offset > 0 ? this.stepPass!(offset) : this.builder.pass;
    if (!main) return null;
    return (
      this.builder.passes.findLast(
        (pass) => (pass === main || this.runs[pass.id]?.owner === main.id) && mapOf(pass) === map,
      ) ?? null
    );
  }

  /** Runs the code of the user that builds the graph, and finds out what is wanted back. */
  build(block: () => unknown): Results {
    const results = withBuilder(this.builder, () => {
      const returned = block();
      for (const end of this.atEnd) end();
      settleSaves(this.builder);
      this.closePasses();
      this.builder.open = false;
      this.dropStopped(this.builder.graph.root.nodes);
      return new Results(this.builder, returned);
    });
    this.builder.graph.saves.push(...results.saves());
    untangle(
      this.builder.graph,
      this.runs.map(({ engine }) => engine),
    );
    return results;
  }

  /** Writes what stands at the models' tensors; passes inside others come first, as what they give is written there. */
  closePasses(): void {
    for (const pass of this.builder.passes.toReversed()) this.closePass(pass);
  }

  private readonly closed = new Set<Pass>();

  closePass(pass: Pass): void {
    if (this.closed.has(pass)) return;
    this.closed.add(pass);
    this.builder.closePass(pass);
  }

  /** Forgets what is saved after `stop()`; writes among the nodes may then be without effect. */
  dropStopped(nodes: readonly Node[]): void {
    if (this.stopped === null) return;
    for (const saved of saves(this.builder).slice(this.stopped)) {
      saved.slot.state = null;
      saved.absence = 'was saved after stop()';
    }
    for (const node of nodes) if (node.op === 'write') this.builder.graph.lenient.add(node);
    this.stopped = null;
  }

  /** Runs the graph. A value of a pass that did not run is undefined. */
  async execute(options: ExecutionOptions, also: readonly Value[] = []): Promise<(Tensor | undefined)[]> {
    const { graph, passes } = this.builder;
    const wanted = [...graph.saves.map(({ value }) => value), ...also];
    const execution = new Execution(graph, this.runs, this.functions, options);
    if (passes.length === 1 && this.functions.size === 0 && also.length === 0) return execution.single();
    await execution.run(wanted);
    return wanted.map((value) => execution.values.get(value));
  }
}

function mapOf({ model }: Pass): ModelMap | null {
  return model instanceof TypedModel ? model.map : null;
}
