import type { Segmentation } from '../execution/segmentation.ts';
import type { InterventionGraph } from '../graph/graph.ts';
import type { Locate } from '../lowering/address.ts';
import { layersOf } from '../modules/layers.ts';
import { type Module, walk } from '../modules/module.ts';
import type { OnnxModel } from '../onnx/read.ts';
import { Cuts } from './cuts.ts';
import { FragmentWriter } from './fragment-writer.ts';
import { InterventionPrograms } from './intervention-programs.ts';
import { narrowReads } from './narrow.ts';
import type { Plan } from './plan.ts';
import type { CutModel } from './planning.ts';
import { RowWiseEnds } from './row-wise.ts';
import { type ProgramStore, SegmentPrograms } from './segment-programs.ts';
import { segmentedPlan } from './segmented-plan.ts';
import { stretchesOf } from './stretches.ts';
import { wholePlan } from './whole-plan.ts';

/** How many plans are kept; the one used least recently goes first. */
const KEPT = 64;

interface Entry {
  readonly plan: Plan;
  /** The state of the cuts that it was made for; null for a plan that runs the model whole. */
  readonly version: number | null;
}

/** Plans how graphs are run inside one model, each structure once. */
export class Planner {
  private readonly model: OnnxModel;
  private readonly locate: Locate;
  private readonly writer: FragmentWriter;
  private readonly ends: RowWiseEnds;
  /** Null for a model that always runs whole. */
  private readonly cut: CutModel | null;
  private readonly plans = new Map<string, Entry>();

  constructor(model: OnnxModel, tree: Module, locate: Locate, segmentation: Segmentation, compiled: ProgramStore) {
    this.model = model;
    this.locate = locate;
    this.writer = new FragmentWriter(model);
    this.ends = new RowWiseEnds(model.graph, tree);
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
            cuts: new Cuts(model.graph, stretchesOf(model.graph, layers), fixed),
            segments: new SegmentPrograms(model, this.writer, compiled),
            interventions: new InterventionPrograms(model, locate, this.writer),
          };
  }

  /** The graph as it is to be planned: one that does the same and computes less, or itself. */
  narrow(graph: InterventionGraph): InterventionGraph {
    return narrowReads(graph, this.ends, this.locate);
  }

  /** The plan of a graph. `planned` is told how long making it took, if it had to be made. */
  plan(graph: InterventionGraph, planned?: (milliseconds: number) => void): Plan {
    const start = performance.now();
    const key = graph.structuralKey();
    let entry = this.plans.get(key);
    const isCurrent = entry !== undefined && (entry.version === null || entry.version === this.cut!.cuts.version);
    if (!entry || !isCurrent) {
      entry = this.make(graph);
      planned?.(performance.now() - start);
    }
    this.keep(key, entry);
    return entry.plan;
  }

  /** Whether the model is cut into segments. */
  get cuts(): boolean {
    return this.cut !== null;
  }

  /** A plan that runs the model whole. */
  whole(graph: InterventionGraph): Plan {
    return wholePlan(this.model, graph, this.locate, (initializers) => this.writer.bytes(initializers));
  }

  /** The same, from now on, for graphs of this structure. */
  stayWhole(graph: InterventionGraph): Plan {
    const plan = this.whole(graph);
    this.keep(graph.structuralKey(), { plan, version: null });
    return plan;
  }

  private keep(key: string, entry: Entry): void {
    // The newest stand last.
    this.plans.delete(key);
    this.plans.set(key, entry);
    if (this.plans.size > KEPT) this.plans.delete(this.plans.keys().next().value!);
  }

  private make(graph: InterventionGraph): Entry {
    const plan = this.cut && segmentedPlan(this.cut, graph);
    return plan ? { plan, version: this.cut!.cuts.version } : { plan: this.whole(graph), version: null };
  }
}

/** The tensors that enter and leave a module. */
function borders({ calls }: Module): string[] {
  return calls.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]);
}
