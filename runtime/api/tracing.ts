import { TraceError } from '../errors.ts';
import type { HostFunction } from '../execution/apply.ts';
import type { Engine } from '../execution/engine.ts';
import type { ForwardRun } from '../execution/execution.ts';
import { TraceRun } from '../execution/trace-run.ts';
import { forwardOf, isForwardNode } from '../graph/forwards.ts';
import type { InterventionGraph, Save } from '../graph/graph.ts';
import type { Address } from '../graph/ops.ts';
import { functionBesideGradient, hoistFunctions } from '../graph/passes/hoist-functions.ts';
import type { Rewritten } from '../graph/passes/pass.ts';
import { type Present, presence } from '../graph/passes/presence.ts';
import { settleReturned } from '../graph/passes/settle-returned.ts';
import { siteOf } from '../graph/site.ts';
import type { NodeOf, Region, Site, Value } from '../graph/types.ts';
import { withRegions } from '../graph/walk.ts';
import { addElements } from '../tensor/add.ts';
import type { AnyParameter, Parameter } from '../tensor/parameter.ts';
import type { InputTensor } from '../tensor/string-tensor.ts';
import { Tensor } from '../tensor/tensor.ts';
import type { ParameterGradient } from '../tracing/block-passes.ts';
import { activeBuilder, Builder, withBuilder } from '../tracing/builder.ts';
import { callerSite } from '../tracing/caller.ts';
import type { TracedForward } from '../tracing/forward.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import { varyingOf } from '../tracing/varying.ts';
import type { TraceRequest } from '../types/backend.ts';
import type { Course, CourseFunction, CourseGeneration, CourseStep, LateCourse } from '../types/course.ts';
import { ModelIdentity } from './backend.ts';
import * as branchErrors from './branch-errors.ts';
import type { InputMaker } from './input-maker.ts';
import { LeftBehind } from './left-behind.ts';
import type { ModelMap } from './model-map.ts';
import { ANYWHERE, type Place, type Standing } from './place.ts';
import { Results } from './results.ts';
import { type Shapes, TypedModel } from './typed-model.ts';

/** A model that can run in a trace. */
export interface RunnableModel {
  readonly map: ModelMap;
  readonly engine: Engine;
  /** What runs of an encoder-decoder in the steps of a generation after the first; none of any other model. */
  readonly parts: readonly RunnableModel[];
}

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

/** Inputs of a forward, some of which are values of earlier ones. */
export interface LateInputs {
  readonly values: ReadonlyMap<string, Value>;
  /** Makes all inputs of the tensors that the values are. */
  prepare(tensors: ReadonlyMap<string, InputTensor>): ReadonlyMap<string, InputTensor>;
  /** Those that are data. */
  data(): ReadonlyMap<string, InputTensor>;
  /** The line that they are given at. */
  readonly site: Site | null;
  /** The step of a generation that the forward is. */
  readonly step?: CourseStep;
}

/** A forward of which a cache keeps the tensors: in a generation a step, and whether it is reached. */
export interface Moment {
  readonly forward: TracedForward;
  readonly reached: Value | null;
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
  /** In a generation: the steps that code which runs now is about. */
  moments: (() => readonly Moment[]) | null = null;
  /** By how many steps `next()` moved each module of a model, by its path. */
  readonly offsets = new Map<ModelMap, Map<string, number>>();
  /** Truth values that only the run decides: whether a generation gets to a step. */
  readonly conditions = new Set<Value>();
  /** Operands that are known only when the forwards of a generation have run: its result. */
  readonly outcomes = new Set<Value>();
  /** A tensor that an invoke reads or sets of which it is not known which rows are whose: all are its own, if it is the only one. */
  unknownRows: { readonly name: string; readonly site: Site | null } | null = null;
  /** What goes from step to step of a generation: kept, beside what is saved. */
  readonly carried: Value[] = [];
  /** The inputs of forwards that take some of earlier ones. */
  private readonly taken = new Map<TracedForward, LateInputs>();
  /** Those of the functions that stand between the steps of generations, as data. */
  readonly betweenSteps = new Map<Value, CourseFunction>();
  /** The generations of a session. */
  readonly generations: (CourseGeneration & Pick<TraceRequest, 'onToken'>)[] = [];
  /** What the library wants back of a run beside the user's saves. */
  readonly alsoSaved: Save[] = [];
  /** How many saves there were when the trace was told to stop; null if it was not. */
  stopped: number | null = null;

  /** The parameters whose gradients are computed. */
  private trained: readonly ParameterGradient[] = [];

  /** Where the models were called whose forwards are inside of others. */
  private readonly places = new Map<TracedForward, Place | null>();
  /** What the outputs of called models have become, by the values that stand for them. */
  private readonly finals = new Map<Value, Value>();
  /** The graph, once the block has ended. */
  private settled!: Rewritten;
  /** What is known of values that may not be there. */
  private present!: Present;
  /** How the graph that is settled runs. */
  run!: TraceRun;

  /** Opens a forward of a model. */
  openForward(
    model: Pick<RunnableModel, 'map' | 'engine'>,
    shapes: Shapes,
    inputs: ForwardRun['inputs'],
    typed = new TypedModel(model.map, shapes),
  ): TracedForward {
    const forward = this.builder.addForward(typed);
    this.runs[forward.id] = { engine: model.engine, owner: forward.id, inputs };
    return forward;
  }

  /** Lets a forward take values of earlier ones as inputs. */
  takeInputs(forward: TracedForward, inputs: LateInputs): void {
    this.taken.set(forward, inputs);
    this.runs[forward.id] = { ...this.runs[forward.id]!, prepare: (given) => inputs.prepare(given) };
  }

  /** Opens a forward that runs in the middle of another one, at the place where its model is attached. */
  openInside(
    main: TracedForward,
    model: Pick<RunnableModel, 'map' | 'engine'>,
    shapes: Shapes,
    place: Place | null,
  ): TracedForward {
    const forward = this.builder.addForward(new TypedModel(model.map, shapes), main.region);
    this.runs[forward.id] = { engine: model.engine, owner: main.id, inputs: new Map() };
    this.places.set(forward, place ?? onlyPlace(TypedModel.of(main).held, model.map));
    return forward;
  }

  /** Where the model of a forward is attached; null for the traced model, and where nothing tells. */
  placeOf(forward: number): Place | null {
    return this.places.get(this.builder.forwards[forward]!) ?? null;
  }

  /** The forward in which the code that runs now sees a module of a model: of one that is attached, its last call. */
  forwardOf(map: ModelMap, path = '', standing = ANYWHERE): TracedForward | null {
    if (standing.call) return standing.call;
    const found = this.forwardsOf(map, path, standing);
    const last = found.at(-1) ?? null;
    // To a block over the whole batch the call of no invoke is the last one.
    if (!this.builder.rows && last?.rows && found.some(({ rows }) => rows !== last.rows)) {
      throw new TraceError(
        `${path || 'An attached model'} was called in several invokes: here it could be that of each. Read it in the block of the invoke, or choose a call: calls[0].`,
        callerSite() ?? this.builder.site,
      );
    }
    return last;
  }

  /** The calls of an attached model that the code which runs now sees, in order; of the traced model the forward itself. */
  forwardsOf(map: ModelMap, path: string, { place, call }: Standing): TracedForward[] {
    const offset = this.offsets.get(map)?.get(path) ?? 0;
    const main = offset > 0 ? this.stepForward!(offset) : this.builder.forward;
    if (!main) return [];
    if (call) return [call];
    const { rows } = this.builder;
    return this.builder.forwards.filter(
      (forward) =>
        TypedModel.of(forward).held === map &&
        (forward === main ||
          (this.isInside(forward, main) &&
            (rows === null || forward.rows === null || forward.rows === rows) &&
            (place === null || this.places.get(forward) === place))),
    );
  }

  /** Whether a forward is another one, or runs inside of it. */
  private isInside(forward: TracedForward, main: TracedForward): boolean {
    for (let { id } = forward; ; id = this.runs[id]!.owner) {
      if (id === main.id) return true;
      if (this.runs[id]!.owner === id) return false;
    }
  }

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
    const returned = settleReturned(this.builder.graph, { finals: this.finals });
    checkFunctions(returned.graph);
    this.present = presence(returned.graph, {
      ran: (node) => this.ranAddresses(node),
      isTruth: ({ attributes }) => this.mapOf(attributes).branches.saysWhetherRan(attributes),
      more: ({ attributes }) => this.mapOf(attributes).branches.goesOn(attributes),
      errors: branchErrors,
    });
    const { present } = this;
    const hoisted = hoistFunctions(present.graph, null);
    this.settled = { graph: hoisted.graph, value: (made) => hoisted.value(present.value(returned.value(made))) };
    const taken = this.takenHere();
    this.run = new TraceRun(this.settled.graph, {
      forwards: this.runs,
      given: new Map(Array.from(taken, ([id, { values }]) => [id, this.settledValues(values)])),
      functions: new Map(Array.from(this.functions, ([made, fn]) => [this.settled.value(made), fn])),
      conditions: new Set(this.settledAll(this.conditions)),
      outcomes: new Set(this.settledAll(this.outcomes)),
      carried: this.settledAll([...this.carried, ...[...taken.values()].flatMap(({ values }) => [...values.values()])]),
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
  }

  /** Writes the new values of the models' tensors; forwards inside others come first, since their outputs may be written there. */
  closeForwards(): void {
    for (const forward of this.builder.forwards.toReversed()) this.closeForward(forward);
  }

  /** Puts a value in the place of another one, which a node has made of a stand-in. */
  settle(standIn: Value, final: Value): void {
    this.finals.set(standIn, final);
  }

  private readonly closed = new Set<TracedForward>();

  closeForward(forward: TracedForward): void {
    if (this.closed.has(forward)) return;
    this.closed.add(forward);
    this.builder.closeForward(forward);
    const settled = forward.settled();
    if (settled) this.settle(settled.value, settled.final);
  }

  /** Adds up the gradients of parameters, which come back behind what is saved. */
  fillGradients(tensors: readonly (Tensor | undefined)[]): void {
    const first = this.builder.graph.saves.length - this.trained.length;
    this.trained.forEach(({ parameter }, i) => {
      const gradient = tensors[first + i];
      if (gradient) addGradient(parameter, gradient);
    });
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

  /** The value of the graph that runs for a value that the block made. */
  value(made: Value): Value {
    return this.run.value(this.settled.value(made));
  }

  /** The value of the graph before it was made ready to run, for a value that the block made. */
  settledValue(made: Value): Value {
    return this.settled.value(made);
  }

  /** Told the tokens of the session's generations, where a generation wants to know. */
  get onToken(): TraceRequest['onToken'] {
    if (!this.generations.some(({ onToken }) => onToken)) return undefined;
    return (token) => this.generations[token.generation!]!.onToken?.(token);
  }

  private settledAll(made: Iterable<Value>): Value[] {
    return Array.from(made, (value) => this.settled.value(value));
  }

  private settledValues(made: ReadonlyMap<string, Value>): ReadonlyMap<string, Value> {
    return new Map(Array.from(made, ([name, value]) => [name, this.settled.value(value)]));
  }

  /** What forwards take of earlier ones. Those that were recorded to find out what a body changes are in the graph no more. */
  private takenHere(): ReadonlyMap<number, LateInputs> {
    const used = new Set([...withRegions(this.builder.graph.root.nodes)].filter(isForwardNode).map(forwardOf));
    return new Map([...this.taken].flatMap(([{ id }, inputs]) => (used.has(id) ? [[id, inputs] as const] : [])));
  }

  /** What runs elsewhere: the graph, and how its forwards follow one another if there are several (else null). */
  sent(late: LateCourse | null = null): { readonly graph: InterventionGraph; readonly course: () => Course | null } {
    const { runs, taken, functions } = this;
    if (!late && runs.length === 1 && taken.size === 0 && functions.size === 0)
      return { graph: this.graph, course: () => null };
    let course: Course | undefined;
    return {
      graph: this.settled.graph,
      course: () => {
        course ??= this.course(late);
        return course;
      },
    };
  }

  private course(late: LateCourse | null): Course {
    const taken = this.takenHere();
    // The forwards of a generation that is no part of a session are its steps, in order.
    const steps = late ? this.runs.flatMap(({ owner }, id) => (owner === id ? [id] : [])) : [];
    const stepOf = (id: number) => (steps.includes(id) ? { generation: 0, index: steps.indexOf(id) } : null);
    return {
      forwards: this.runs.map(({ engine, owner, inputs }, id) => ({
        model: new ModelIdentity(engine.model),
        owner,
        inputs: taken.get(id)?.data() ?? inputs,
        given: this.settledValues(taken.get(id)?.values ?? new Map()),
        step: taken.get(id)?.step ?? stepOf(id),
        site: taken.get(id)?.site ?? null,
      })),
      generations: this.generations,
      functions: new Map(Array.from(this.betweenSteps, ([made, fn]) => [this.settled.value(made), fn])),
      late,
    };
  }

  private mapOf({ forward }: { readonly forward: number }): ModelMap {
    return TypedModel.of(this.builder.forwards[forward]!).map;
  }

  /** The branches of the model that a tensor is made in, or read in: the values that say whether they run. */
  private ranAddresses({ op, attributes }: NodeOf<'read'> | NodeOf<'write'>): readonly Address[] {
    const map = this.mapOf(attributes);
    const isOfModule = op === 'write' && attributes.port === 'input' && !attributes.inplace;
    return isOfModule ? map.branches.around(attributes) : map.branches.of(attributes);
  }

  /** Whether something may not be there that is saved, or that the model needs. */
  get isUncertain(): boolean {
    return this.present.saved.size + this.present.checks.length > 0;
  }

  /**
   * The saves whose value is not there, since the branch of the model did not run in which its module is. Throws a TraceError
   * if such a value was written where the model needs it.
   */
  missing(tensors: readonly (Tensor | undefined)[]): ReadonlySet<number> {
    const { saved, checks } = this.present;
    const failed = checks.find(({ at }) => isFalse(tensors[at]));
    if (failed) throw failed.error();
    return new Set([...saved.keys()].filter((i) => isFalse(tensors[saved.get(i)!])));
  }
}

function isFalse(truth: Tensor | undefined): boolean {
  return truth !== undefined && !truth.item();
}

/** The place where a model is attached to another one, if there is just one. */
function onlyPlace(main: ModelMap, map: ModelMap): Place | null {
  const places = [...main.names.attached.values()].filter(({ given }) => given.map === map);
  return places.length === 1 ? places[0]!.placed.standing.place : null;
}

function checkFunctions({ root }: InterventionGraph): void {
  const found = functionBesideGradient(root.nodes);
  if (!found) return;
  throw new TraceError(
    'apply stands in a branch in which a gradient is taken. Assign what it gives to a variable declared before, and call backward after the branch.',
    siteOf(found),
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
