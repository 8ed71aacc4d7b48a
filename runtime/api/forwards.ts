import { TraceError } from '../errors.ts';
import type { ForwardRun } from '../execution/forward-run.ts';
import { forwardOf, isForwardNode } from '../graph/forwards.ts';
import type { Value } from '../graph/types.ts';
import { withRegions } from '../graph/walk.ts';
import type { Builder } from '../tracing/builder.ts';
import { callerSite } from '../tracing/caller.ts';
import type { TracedForward } from '../tracing/forward.ts';
import type { LateInputs } from './late-inputs.ts';
import type { ModelMap } from './model-map.ts';
import { ANYWHERE, type Place, type Standing } from './place.ts';
import type { RunnableModel } from './runnable-model.ts';
import { type Shapes, TypedModel } from './typed-model.ts';

/** A forward of which a cache keeps the tensors: in a generation a step, and whether it is reached. */
export interface Moment {
  readonly forward: TracedForward;
  readonly reached: Value | null;
}

/** The forwards of a trace: what each runs with, and which of them code means that names a module. */
export class Forwards {
  /** By the numbers of the forwards. */
  readonly runs: ForwardRun[] = [];
  /** In a generation: the forward of the step that is some steps on from the current one, or null. */
  stepForward: ((offset: number) => TracedForward | null) | null = null;
  /** In a generation: the steps that code which runs now is about. */
  moments: (() => readonly Moment[]) | null = null;
  /** By how many steps `next()` moved each module of a model, by its path. */
  readonly offsets = new Map<ModelMap, Map<string, number>>();
  /** The inputs of forwards that take some of earlier ones. */
  private readonly taken = new Map<TracedForward, LateInputs>();
  /** Where the models were called whose forwards are inside of others. */
  private readonly places = new Map<TracedForward, Place | null>();
  private readonly builder: Builder;

  constructor(builder: Builder) {
    this.builder = builder;
  }

  /** Opens a forward of a model. */
  open(
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
  of(map: ModelMap, path = '', standing = ANYWHERE): TracedForward | null {
    if (standing.call) return standing.call;
    const found = this.allOf(map, path, standing);
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
  allOf(map: ModelMap, path: string, { place, call }: Standing): TracedForward[] {
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

  /** What forwards take of earlier ones. Those that were recorded to find out what a body changes are in the graph no more. */
  takenInputs(): ReadonlyMap<number, LateInputs> {
    if (this.taken.size === 0) return new Map();
    const used = new Set([...withRegions(this.builder.graph.root.nodes)].filter(isForwardNode).map(forwardOf));
    return new Map([...this.taken].flatMap(([{ id }, inputs]) => (used.has(id) ? [[id, inputs] as const] : [])));
  }
}

/** The place where a model is attached to another one, if there is just one. */
function onlyPlace(main: ModelMap, map: ModelMap): Place | null {
  const places = [...main.names.attached.values()].filter(({ given }) => given.map === map);
  return places.length === 1 ? places[0]!.placed.standing.place : null;
}
