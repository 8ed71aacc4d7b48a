import { now } from '../clock.ts';
import type { InterventionGraph } from '../graph/graph.ts';
import { keyOf } from '../graph/key.ts';
import type { Address } from '../graph/ops.ts';
import { narrow } from '../graph/passes/narrow.ts';
import type { Value } from '../graph/types.ts';
import type { Locate } from '../lowering/address.ts';
import { gradientFromOutside } from '../lowering/body-gradients.ts';
import { Dependencies } from '../lowering/dependencies.ts';
import { type Layer, layersOf } from '../modules/layers.ts';
import { type Module, walk } from '../modules/module.ts';
import type { OnnxModel } from '../onnx/model.ts';
import { BlockSessions } from './block-sessions.ts';
import type { CutModel } from './cut-model.ts';
import { Cuts } from './cuts.ts';
import { FragmentWriter } from './fragment-writer.ts';
import { InterventionPrograms } from './intervention-programs.ts';
import type { Plan, ProgramStore } from './plan.ts';
import { PlanCache } from './plan-cache.ts';
import { onlyReads, Reading } from './reading.ts';
import { RowWiseEnds } from './row-wise.ts';
import { SegmentPrograms } from './segment-programs.ts';
import type { Segmentation } from './segmentation.ts';
import { segmentedPlan } from './segmented-plan.ts';
import { stretchesOf } from './stretches.ts';
import { type Ran, Tiers } from './tiers.ts';
import { wholeKey, wholePlan } from './whole-plan.ts';

/** How a graph is to be run. */
export interface Planned {
  /** The graph that is run: one that gives the same as the one that was asked for and computes less, or that one. */
  readonly graph: InterventionGraph;
  readonly plan: Plan;
  /** Milliseconds that planning took; null if a graph of this structure was planned before. */
  readonly milliseconds: number | null;
}

/** A plan with the version of the cuts that it was made for; null for one that does not depend on them. */
interface Versioned {
  readonly plan: Plan;
  readonly version: number | null;
}

/** Where blocks become one session. */
interface Blocks {
  readonly sessions: BlockSessions;
  /** The model for blocks that only read: in one piece, or two where it ends row by row. */
  readonly readable: CutModel;
}

/** Plans how graphs are run inside one model, each structure once. */
export class Planner {
  private readonly model: OnnxModel;
  private readonly locate: Locate;
  private readonly writer: FragmentWriter;
  private readonly ends: RowWiseEnds;
  /** Null for a model that always runs whole. */
  private readonly cut: CutModel | null;
  private readonly plans = new PlanCache();
  /** Null where all blocks run alike. */
  private readonly blocks: Blocks | null;
  /** Null where no block changes its way. */
  private readonly tiers: Tiers | null;
  private readonly store: ProgramStore;
  private readonly maxIterations: number | undefined;

  /** @param maxIterations how often the body of a loop may run */
  constructor(
    model: OnnxModel,
    tree: Module,
    locate: Locate,
    segmentation: Segmentation,
    store: ProgramStore,
    maxIterations?: number,
  ) {
    this.maxIterations = maxIterations;
    this.model = model;
    this.locate = locate;
    this.store = store;
    this.writer = new FragmentWriter(model);
    this.ends = new RowWiseEnds(model, tree);
    const layers = segmentation === 'off' ? [] : layersOf(tree);
    const fixed = segmentation === 'modules' ? [...walk(tree)].flatMap(borders) : [];
    // A trace that reads some rows of the logits only needs the model cut there.
    const ends = layers.length > 0 || segmentation === 'blocks' ? this.ends.entries() : [];
    const interventions = new InterventionPrograms(model, locate, this.writer, maxIterations);
    const cut = (at: readonly Layer[], tensors: readonly string[], reading: Reading | null): CutModel => ({
      model,
      locate,
      cuts: new Cuts(model, stretchesOf(model, at), tensors),
      isFixed: reading !== null,
      segments: new SegmentPrograms(model, this.writer, store, reading),
      interventions,
    });
    fixed.push(...ends);
    this.cut = layers.length + fixed.length === 0 ? null : cut(layers, fixed, null);
    this.blocks =
      segmentation === 'blocks'
        ? {
            sessions: new BlockSessions((block) => store.drop(wholeKey(block))),
            readable: cut([], ends, new Reading(model, tree, layers)),
          }
        : null;
    this.tiers = segmentation === 'auto' && this.cut ? new Tiers((block) => store.drop(wholeKey(block))) : null;
  }

  /** Whether every block runs in segments. */
  get isCut(): boolean {
    return this.cut !== null && this.blocks === null;
  }

  /**
   * Throws a TraceError on a cycle and on a write that nothing saved depends on.
   * @param isAlone whether nothing of the run is used again: its segments need not be found by others
   */
  plan(asked: InterventionGraph, isAlone: boolean): Planned {
    const tensorAt = (address: Address) => this.locate(address).tensor;
    const { graph } = narrow(asked, { tensorAt, endOf: (tensor) => this.ends.of(tensor) });
    const key = graph.structuralKey();
    if (this.goesBackInBody(graph)) return this.asOne(graph, key);
    if (isAlone && this.tiers?.isOne(key)) return this.asOne(graph, key);
    if (!this.blocks) return this.inSegments(graph, key);
    const { sessions, readable } = this.blocks;
    const reading = onlyReads(asked) ? this.read(graph, key, readable) : null;
    // One session serves all that is read. A block that computes something of it has its own soon, which brings back less.
    if (reading?.plan.dispatches.length === 1) return reading;
    if (sessions.take(key, reading !== null && graph === asked)) return this.asOne(graph, key);
    return reading ?? this.inSegments(graph, key);
  }

  /** Whether a branch or loop has a backward pass through the model in it: only where all is one model can it go there. */
  private goesBackInBody(graph: InterventionGraph): boolean {
    const { model, locate } = this;
    let dependencies: Dependencies | null = null;
    const leadsTo = (value: Value, of: Value) => {
      dependencies ??= new Dependencies(graph, [{ model, locate }]);
      return dependencies.isComputedFrom(value, of);
    };
    return gradientFromOutside(graph.root.nodes, leadsTo) !== undefined;
  }

  private inSegments(graph: InterventionGraph, key: string): Planned {
    return this.planned(graph, keyOf(key, 'segments'), () => {
      const plan = this.cut && segmentedPlan(this.cut, graph);
      return plan ? { plan, version: this.version } : { plan: this.wholePlan(graph), version: null };
    });
  }

  private asOne(graph: InterventionGraph, key: string): Planned {
    return this.planned(graph, keyOf(key, 'one'), () => ({ plan: this.wholePlan(graph), version: null }));
  }

  private read(graph: InterventionGraph, key: string, cut: CutModel): Planned {
    return this.planned(graph, keyOf(key, 'read'), () => ({
      plan: segmentedPlan(cut, graph) ?? this.wholePlan(graph),
      version: null,
    }));
  }

  private planned(graph: InterventionGraph, key: string, make: () => Versioned): Planned {
    const known = this.plans.get(key, this.version);
    if (known) {
      this.cut?.cuts.ran(known.cuts);
      return { graph, plan: known, milliseconds: null };
    }
    const start = now();
    const { plan, version } = make();
    this.plans.set(key, plan, version);
    this.cut?.cuts.ran(plan.cuts);
    return { graph, plan, milliseconds: now() - start };
  }

  /** A plan that runs the model whole, for a graph as `plan` gave it. */
  wholePlan(graph: InterventionGraph): Plan {
    return wholePlan(
      this.model,
      graph,
      this.locate,
      (initializers) => this.writer.bytes(initializers),
      this.maxIterations,
    );
  }

  /** Told of a run that ended well and was alone: its costs decide how its block runs from now on. */
  ran({ graph, plan }: Planned, ran: Ran): void {
    if (!this.tiers) return;
    const key = graph.structuralKey();
    if (this.tiers.isOne(key)) {
      this.tiers.ranAsOne(key, ran);
      return;
    }
    const segments = plan.dispatches.filter(({ kind }) => kind === 'segment' || kind === 'call');
    const times = segments.map(({ program }) => this.store.creation(program.key));
    const creation = times.reduce((sum: number | null, time) => (sum === null || time === null ? null : sum + time), 0);
    this.tiers.ranInSegments(key, { ...ran, segments: segments.length, creation });
  }

  /** Another way to run a graph, of which a program could not be compiled: `plan` gives it from now on. */
  instead({ graph, plan }: Planned): Plan {
    const key = graph.structuralKey();
    if (this.tiers?.isOne(key) && plan.dispatches.every(({ kind }) => kind === 'whole')) {
      this.tiers.refuse(key);
      return this.inSegments(graph, key).plan;
    }
    const whole = this.wholePlan(graph);
    for (const way of ['segments', 'read']) this.plans.set(keyOf(key, way), whole, null);
    return whole;
  }

  private get version(): number | null {
    return this.cut?.cuts.version ?? null;
  }
}

/** The tensors that enter and leave a module. */
function borders({ calls }: Module): string[] {
  return calls.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]);
}
