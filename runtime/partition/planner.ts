import type { InterventionGraph } from '../graph/graph.ts';
import type { Address } from '../graph/ops.ts';
import { narrow } from '../graph/passes/narrow.ts';
import type { Locate } from '../lowering/address.ts';
import { layersOf } from '../modules/layers.ts';
import { type Module, walk } from '../modules/module.ts';
import type { OnnxModel } from '../onnx/model.ts';
import type { CutModel } from './cut-model.ts';
import { Cuts } from './cuts.ts';
import { FragmentWriter } from './fragment-writer.ts';
import { InterventionPrograms } from './intervention-programs.ts';
import type { Plan, ProgramStore } from './plan.ts';
import { PlanCache } from './plan-cache.ts';
import { RowWiseEnds } from './row-wise.ts';
import { SegmentPrograms } from './segment-programs.ts';
import type { Segmentation } from './segmentation.ts';
import { segmentedPlan } from './segmented-plan.ts';
import { stretchesOf } from './stretches.ts';
import { wholePlan } from './whole-plan.ts';

/** How a graph is to be run. */
export interface Planned {
  /** The graph that is run: one that gives the same as the one that was asked for and computes less, or that one. */
  readonly graph: InterventionGraph;
  readonly plan: Plan;
  /** Milliseconds that planning took; null if a graph of this structure was planned before. */
  readonly milliseconds: number | null;
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
    this.writer = new FragmentWriter(model);
    this.ends = new RowWiseEnds(model, tree);
    const layers = segmentation === 'off' ? [] : layersOf(tree);
    const fixed = segmentation === 'modules' ? [...walk(tree)].flatMap(borders) : [];
    // A trace that reads some rows of the logits only needs the model cut there.
    if (layers.length > 0) fixed.push(...this.ends.entries());
    this.cut =
      layers.length + fixed.length === 0
        ? null
        : {
            model,
            locate,
            cuts: new Cuts(model, stretchesOf(model, layers), fixed),
            segments: new SegmentPrograms(model, this.writer, store),
            interventions: new InterventionPrograms(model, locate, this.writer, maxIterations),
          };
  }

  /** Whether the model is cut into segments. */
  get isCut(): boolean {
    return this.cut !== null;
  }

  /** Throws a TraceError on a cycle and on a write that nothing saved depends on. */
  plan(asked: InterventionGraph): Planned {
    const tensorAt = (address: Address) => this.locate(address).tensor;
    const { graph } = narrow(asked, { tensorAt, endOf: (tensor) => this.ends.of(tensor) });
    const start = performance.now();
    const key = graph.structuralKey();
    const known = this.plans.get(key, this.version);
    if (known) return { graph, plan: known, milliseconds: null };
    const segmented = this.cut && segmentedPlan(this.cut, graph);
    const plan = segmented ?? this.wholePlan(graph);
    this.plans.set(key, plan, segmented ? this.version : null);
    return { graph, plan, milliseconds: performance.now() - start };
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

  /** The same, which `plan` gives from now on for graphs of this structure. */
  stayWhole(graph: InterventionGraph): Plan {
    const plan = this.wholePlan(graph);
    this.plans.set(graph.structuralKey(), plan, null);
    return plan;
  }

  private get version(): number | null {
    return this.cut?.cuts.version ?? null;
  }
}

/** The tensors that enter and leave a module. */
function borders({ calls }: Module): string[] {
  return calls.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]);
}
