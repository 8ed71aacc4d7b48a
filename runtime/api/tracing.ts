import { TraceError } from '../errors.ts';
import type { HostFunction } from '../execution/apply.ts';
import { TraceRun } from '../execution/trace-run.ts';
import type { InterventionGraph, Save } from '../graph/graph.ts';
import type { Region, Site, Value } from '../graph/types.ts';
import type { InputTensor } from '../tensor/string-tensor.ts';
import type { ParameterGradient } from '../tracing/block-passes.ts';
import { activeBuilder, Builder, withBuilder } from '../tracing/builder.ts';
import type { TracedForward } from '../tracing/forward.ts';
import type { Slot } from '../tracing/journal.ts';
import { printKnownLines } from '../tracing/logs.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import { varyingOf } from '../tracing/varying.ts';
import type { TraceRequest } from '../types/backend.ts';
import type { Course, CourseFunction, CourseGeneration, LateCourse } from '../types/course.ts';
import { Forwards } from './forwards.ts';
import type { InputMaker } from './input-maker.ts';
import { LeftBehind } from './left-behind.ts';
import { recordedCourse } from './recorded-course.ts';
import { Results } from './results.ts';
import type { RunnableModel } from './runnable-model.ts';
import { SettledGraph } from './settled-graph.ts';
import type { Shapes } from './typed-model.ts';

/** A model whose forwards can stand in a trace. */
export interface Traceable extends RunnableModel {
  readonly inputs: InputMaker;
  /** Works out the formulas of the shapes of all that a generation runs. */
  symbolic(): Promise<void>;
  /** Opens a forward, with the edits of the model in it. */
  openForward(tracing: Tracing, shapes: Shapes, inputs: ReadonlyMap<string, InputTensor>): TracedForward;
  /** What runs the steps of a generation after the first: the model itself, unless a part of it is all that is left to do. */
  afterFirst(cached: boolean): RunnableModel;
  /** Opens a step of a generation after the first, likewise. */
  openStep(tracing: Tracing, shapes: Shapes, cached: boolean, first: TracedForward): TracedForward;
}

/** A trace, session or generation while it is recorded: a graph in the making, and the forwards in it. */
export class Tracing {
  readonly builder = new Builder(this);
  readonly forwards = new Forwards(this.builder);
  /** The functions of the user, by the values that they return. */
  readonly functions = new Map<Value, HostFunction>();
  /** Called when the block has ended, before the results are collected. */
  readonly atEnd: (() => void)[] = [];
  /** Truth values that only the run decides: whether a generation gets to a step. */
  readonly conditions = new Set<Value>();
  /** Operands that are known only when the forwards of a generation have run: its result. */
  readonly outcomes = new Set<Value>();
  /** A tensor that an invoke reads or sets of which it is not known which rows are whose: all are its own, if it is the only one. */
  unknownRows: { readonly name: string; readonly site: Site | null } | null = null;
  /** What goes from step to step of a generation: kept, beside what is saved. */
  readonly carried: Value[] = [];
  /** Those of the functions that stand between the steps of generations, as data. */
  readonly betweenSteps = new Map<Value, CourseFunction>();
  /** The generations of a session. */
  readonly generations: (CourseGeneration & Pick<TraceRequest, 'onToken'>)[] = [];
  /** What the library wants back of a run beside the user's saves. */
  readonly alsoSaved: Save[] = [];
  /** How many saves there were when the trace was told to stop; null if it was not. */
  stopped: number | null = null;

  /** The parameters whose gradients are computed: they come back behind what is saved. */
  trained: readonly ParameterGradient[] = [];
  private readonly closed = new Set<TracedForward>();
  /** What the outputs of called models have become, by the values that stand for them. */
  private readonly finals = new Map<Value, Value>();
  /** The graph, once the block has ended. */
  settled!: SettledGraph;
  /** How the graph that is settled runs. */
  run!: TraceRun;

  /** Runs the user's code that builds the graph, for a run, and finds the results that are wanted back. */
  build(block: () => unknown): Results {
    const results = this.record(block);
    results.suspend();
    return results;
  }

  /** The same for a graph that does not run here. */
  record(block: () => unknown): Results {
    const results = withBuilder(this.builder, () => {
      const returned = this.recorded(block);
      const left = new LeftBehind(this.builder);
      for (const end of this.atEnd) end();
      this.builder.saves.settle(this.builder.region);
      this.builder.demands.close();
      this.builder.passes.close();
      this.trained = this.builder.passes.parameterGradients();
      this.closeForwards();
      this.builder.open = false;
      this.dropStopped(this.builder.graph.root, 0);
      return new Results(this.builder, returned, left);
    });
    const gradients = this.trained.map(({ gradient }, i) => ({ name: `gradient_${i}`, value: gradient }));
    for (const save of [...results.saves(), ...this.alsoSaved, ...gradients]) this.builder.graph.saves.push(save);
    this.settled = new SettledGraph(this.builder, this.finals);
    const { settled } = this;
    const taken = this.forwards.takenInputs();
    this.run = new TraceRun(this.settled.graph, {
      forwards: this.forwards.runs,
      given: new Map(Array.from(taken, ([id, { values }]) => [id, settled.named(values)])),
      functions: new Map(Array.from(this.functions, ([made, fn]) => [settled.value(made), fn])),
      conditions: new Set(settled.all(this.conditions)),
      outcomes: new Set(settled.all(this.outcomes)),
      carried: settled.all([...this.carried, ...[...taken.values()].flatMap(({ values }) => [...values.values()])]),
    });
    return results;
  }

  /** @throws TraceError for what went wrong first, whatever the block made of it */
  private recorded(block: () => unknown): unknown {
    let returned: unknown;
    try {
      returned = block();
    } catch (error) {
      this.abandon();
      throw this.builder.failure ?? thrownOut(error, this.builder.site);
    }
    if (this.builder.failure) {
      this.abandon();
      throw this.builder.failure;
    }
    return returned;
  }

  /** No run will tell what the block has left outside. */
  private abandon(): void {
    const left = new LeftBehind(this.builder);
    left.suspend();
    left.undo();
    printKnownLines(this.builder);
  }

  /** Writes the new values of the models' tensors; forwards inside others come first, since their outputs may be written there. */
  closeForwards(): void {
    for (const forward of this.builder.forwards.toReversed()) this.closeForward(forward);
  }

  /** Puts a value in the place of another one, which a node has made of a stand-in. */
  settle(standIn: Value, final: Value): void {
    this.finals.set(standIn, final);
  }

  closeForward(forward: TracedForward): void {
    if (this.closed.has(forward)) return;
    this.closed.add(forward);
    this.builder.closeForward(forward);
    const settled = forward.settled();
    if (settled) this.settle(settled.value, settled.final);
  }

  /** From here on nothing is computed for what the block does. */
  stopHere(): void {
    this.stopped ??= this.builder.saves.all.length;
    this.builder.demands.areOver = true;
  }

  /** Forgets saves made after `stop()`; writes of the region, from a position on, may then have no effect. */
  dropStopped(region: Region, from: number): void {
    if (this.stopped === null) return;
    this.builder.saves.stop(this.stopped);
    this.builder.makeLenient(region, from);
    this.builder.demands.areOver = false;
    this.stopped = null;
  }

  get graph(): InterventionGraph {
    return this.run.graph;
  }

  /** Whether the graph is one forward's, and followed from nothing but what the guards of the block tell. */
  get isRepeatable(): boolean {
    const { builder, forwards, functions, conditions, outcomes, carried, alsoSaved, generations } = this;
    // Of these it is seen whether they have changed.
    const isGuarded = ({ owner }: Slot) => owner != null && builder.guarded.has(owner);
    const isAlone = forwards.runs.length === 1 && forwards.takenInputs().size === 0;
    const isPlain = functions.size + conditions.size + outcomes.size === 0 && !this.settled.isUncertain;
    const isWhole = carried.length + alsoSaved.length + generations.length === 0;
    const isSilent = builder.lines.length + this.atEnd.length === 0 && [...builder.outside.keys()].every(isGuarded);
    return builder.isRepeatable && isAlone && isPlain && isWhole && isSilent;
  }

  /** The value of the graph that runs for a value that the block made. */
  value(made: Value): Value {
    return this.run.value(this.settled.value(made));
  }

  /** Told the tokens of the session's generations, where a generation wants to know. */
  get onToken(): TraceRequest['onToken'] {
    if (!this.generations.some(({ onToken }) => onToken)) return undefined;
    return (token) => this.generations[token.generation!]!.onToken?.(token);
  }

  /** What runs elsewhere: the graph, and how its forwards follow one another if there are several (else null). */
  sent(late: LateCourse | null = null): { readonly graph: InterventionGraph; readonly course: () => Course | null } {
    const { forwards, functions, generations, betweenSteps } = this;
    const { runs } = forwards;
    const taken = forwards.takenInputs();
    if (!late && runs.length === 1 && taken.size === 0 && functions.size === 0)
      return { graph: this.graph, course: () => null };
    let course: Course | undefined;
    return {
      graph: this.settled.graph,
      course: () => {
        course ??= recordedCourse(this.settled, { runs, taken, generations, betweenSteps, late });
        return course;
      },
    };
  }
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
