import type { InterventionGraph } from '../graph/graph.ts';
import type { Locate } from '../lowering/address.ts';
import type { Module } from '../modules/module.ts';
import { buildTree } from '../modules/tree.ts';
import { externalEntry } from '../onnx/external.ts';
import type { OnnxModel } from '../onnx/read.ts';
import type { Device } from '../ort/devices.ts';
import type { Plan } from '../partition/plan.ts';
import { Planner } from '../partition/planner.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { checkFusing, Fused } from './fused.ts';
import { Sessions } from './programs.ts';
import type { ReuseScope } from './reuse.ts';
import { PieceError, type Pieces, runPlan } from './run-plan.ts';
import { defaultSegmentation, type Segmentation } from './segmentation.ts';
import type { RunStats, StepStats } from './stats.ts';

export interface EngineOptions {
  /** Where the model is cut; else what the environment variable ONNSIGHT_SEGMENTS says, else `layers`. */
  readonly segmentation?: Segmentation;
  /** The model's modules, if they are known already. */
  readonly tree?: Module;
  /** Whether what is run often becomes one session, in another thread. */
  readonly fuse?: boolean;
}

export interface RunOptions {
  /** Ends the run between two segments: it fails with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Within a scope, a segment that is fed what it was fed before gives what it gave. */
  readonly reuse?: ReuseScope | undefined;
  /** Told what happened, when the run has ended well. */
  readonly onStats?: ((stats: RunStats) => void) | undefined;
  /** Told after each segment and intervention how many of the run have ended, and how many there are. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** Weights that compiled pieces may hold: so many bytes, or as often the model's own. */
const SMALL = 2 ** 28;
const TIMES = 2;

/** Runs intervention graphs inside one model: compiles each piece once and keeps it. */
export class Engine {
  readonly model: OnnxModel;
  readonly device: Device;
  readonly locate: Locate;
  private readonly planner: Planner;
  private readonly sessions: Sessions;
  private readonly fused: Fused | null;

  constructor(model: OnnxModel, device: Device, locate: Locate, options: EngineOptions = {}) {
    this.model = model;
    this.device = device;
    this.locate = locate;
    const { segmentation = defaultSegmentation(), tree = buildTree(model), fuse = false } = options;
    const place = { device, folder: model.folder };
    this.sessions = new Sessions(place, Math.max(SMALL, TIMES * weightBytes(model)));
    this.planner = new Planner(model, tree, locate, segmentation, this.sessions);
    if (fuse) checkFusing(device, this.planner.cuts);
    this.fused = fuse ? new Fused(place) : null;
  }

  /** Runs the model with the graph's interventions and returns what it saves, in order. */
  async run(
    asked: InterventionGraph,
    inputs: ReadonlyMap<string, Tensor>,
    { signal, reuse, onStats, onProgress }: RunOptions = {},
  ): Promise<Tensor[]> {
    const start = performance.now();
    const graph = this.planner.narrow(asked);
    let planned: number | null = null;
    const plan = this.planner.plan(graph, (milliseconds) => {
      planned = milliseconds;
    });
    let steps: StepStats[] = [];
    const run = (chosen: Plan, sessions: Pieces = this.sessions) => {
      steps = [];
      const onStep = (step: StepStats) => {
        steps.push(step);
        onProgress?.(steps.length, chosen.steps.length);
      };
      const isWatched = onStats !== undefined || onProgress !== undefined;
      const context = { model: this.model, sessions, signal, reuse, onStep: isWatched ? onStep : undefined };
      return runPlan(chosen, graph, inputs, context);
    };
    const inPieces = () =>
      run(plan).catch((error) => {
        // What cannot be compiled by itself may well be compiled as a part of the whole.
        if (error instanceof PieceError) return run(this.planner.stayWhole(graph));
        throw error;
      });
    const mayFuse = this.fused && !reuse && plan.steps.length > 1;
    const tensors = mayFuse
      ? await this.fused.run(graph.structuralKey(), () => this.planner.whole(graph), run, inPieces)
      : await inPieces();
    // What is fused cannot end on the way.
    signal?.throwIfAborted();
    onStats?.({ planned, steps, skipped: plan.skipped, total: performance.now() - start });
    return tensors;
  }
}

/** The size of all weights in their file. */
function weightBytes({ graph }: OnnxModel): number {
  return graph.initializer.reduce((sum, tensor) => sum + Number(externalEntry(tensor, 'length') ?? 0), 0);
}
