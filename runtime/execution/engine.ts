import { now } from '../clock.ts';
import { TraceError } from '../errors.ts';
import { withOpenedAttention } from '../gradients/opened-attention.ts';
import { forwardOf } from '../graph/forwards.ts';
import type { InterventionGraph } from '../graph/graph.ts';
import { siteOf } from '../graph/site.ts';
import type { NodeOf } from '../graph/types.ts';
import { withRegions } from '../graph/walk.ts';
import { anyPadding, hasUnevenRows, isPadded, type Padding } from '../inputs/left-padding.ts';
import type { Locate } from '../lowering/address.ts';
import type { Module } from '../modules/module.ts';
import { movedModule } from '../modules/moved.ts';
import { OPERATION } from '../modules/operation-path.ts';
import { buildTree } from '../modules/tree.ts';
import { ModelError } from '../onnx/error.ts';
import { bytesInFile } from '../onnx/external.ts';
import { isInside } from '../onnx/fused-attention.ts';
import { type Rewritten, withGatheredRows } from '../onnx/gathered-rows.ts';
import type { OnnxModel } from '../onnx/model.ts';
import type { Device } from '../ort/port.ts';
import type { Plan } from '../partition/plan.ts';
import { type Planned, Planner } from '../partition/planner.ts';
import { COPIES, type Segmentation, segmentationFor } from '../partition/segmentation.ts';
import type { SymbolicTypes } from '../shapes/symbolic.ts';
import type { InputTensor } from '../tensor/string-tensor.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { BackwardPrograms } from './backward-programs.ts';
import { ClosedModel } from './closed-form.ts';
import { checkFusing, Fused } from './fused.ts';
import { ProgramError, type ProgramRunner } from './program-runner.ts';
import { Programs } from './programs.ts';
import { Residuals } from './residuals.ts';
import type { ReuseScope } from './reuse.ts';
import { runPlan } from './run-plan.ts';
import type { Held, RunStats } from './stats.ts';
import { Sweeps } from './sweeps.ts';
import type { Trail } from './tape.ts';

export interface EngineOptions {
  /** Where the model is cut; else what the environment variable ONNSIGHT_SEGMENTS says, else what suits the device. */
  readonly segmentation?: Segmentation | undefined;
  /** The model's modules, if they are known already. */
  readonly tree?: Module;
  /** Whether what is run often becomes one session, in another thread. */
  readonly fuse?: boolean;
  /** Whether runs on the same inputs share what they compute, without a scope of the user. */
  readonly reuse?: boolean | undefined;
  /** How often the body of a loop may run. */
  readonly maxIterations?: number | undefined;
  /** The shapes of the model's tensors, once they are known. */
  readonly formulas?: () => SymbolicTypes | null;
}

export interface RunOptions {
  /** Ends the run between two segments: it fails with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Within a scope, a segment that is fed what it was fed before gives what it gave. False: it shares nothing. */
  readonly reuse?: ReuseScope | false | undefined;
  /** Told what happened, when the run has ended well. */
  readonly onStats?: ((stats: RunStats) => void) | undefined;
  /** Told what a run leaves behind, where a backward pass may come: it keeps all that it computes. */
  readonly onTrail?: ((trail: Trail) => void) | undefined;
  /** Told after each segment and intervention how many of the run have ended, and how many there are. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** The bytes of weights that compiled programs may hold in any case. */
const SMALL = 2 ** 28;

/** The part of the weights' size that the tensors of a run may have which are kept for its backward pass. */
const KEPT = 1 / 2;

/** Runs intervention graphs inside one model: compiles each program once and keeps it. */
export class Engine {
  readonly model: OnnxModel;
  readonly device: Device;
  readonly locate: Locate;
  readonly tree: Module;
  /** The compiled programs. */
  readonly programs: Programs;
  /** The derivatives of programs. */
  readonly backwardPrograms: BackwardPrograms;
  /** How much of a run may be kept for its backward pass. */
  private readonly residualBytes: number;
  readonly segmentation: Segmentation;
  private readonly planner: Planner;
  private readonly fused: Fused | null;
  /** Null where runs share nothing unless a scope says so. */
  private readonly sweeps: Sweeps | null;
  private released: Promise<void> | null = null;
  private readonly options: EngineOptions;
  /** The engine of the same model for rows that begin with padding, from the first run on that has such rows. */
  private forPadding: Engine | null = null;
  /** Where padding may be that the model's operators take for tokens. */
  private readonly anyPadding: Padding | null;
  /** The engine of the same model with its attention written out, from the first trace on that looks inside. */
  private opened: Engine | null = null;
  /** The model with its bodies as its file has them, for all that does not look into these; null where they are so. */
  private readonly closedModel: ClosedModel | null;
  private closed: Engine | null = null;

  constructor(model: OnnxModel, device: Device, locate: Locate, options: EngineOptions = {}) {
    this.model = model;
    this.device = device;
    this.locate = locate;
    this.options = options;
    this.anyPadding = anyPadding(model);
    this.closedModel = model.closed && new ClosedModel(model, model.closed);
    const { tree = buildTree(model.plain), fuse = false, reuse = true, maxIterations, formulas } = options;
    // What is fused runs in segments first: in the thread of the program for as short as can be.
    const segmentation = options.segmentation ?? segmentationFor(fuse ? 'cpu' : device);
    const config = { device, folder: model.folder };
    this.tree = tree;
    this.segmentation = segmentation;
    const bytes = weightBytes(model);
    this.programs = new Programs(config, model, Math.max(SMALL, COPIES[segmentation] * bytes));
    this.backwardPrograms = new BackwardPrograms(this.programs);
    this.residualBytes = Math.max(SMALL, KEPT * bytes);
    this.planner = new Planner(model, tree, locate, segmentation, this.programs, {
      maxIterations,
      formulas,
    });
    if (fuse) checkFusing(device, this.planner.isCut);
    this.fused = fuse ? new Fused(config) : null;
    // One session of a block, in another thread or with taps, has no parts to share.
    const hasParts = this.planner.isCut && !fuse && segmentation !== 'taps';
    this.sweeps = reuse && hasParts ? new Sweeps() : null;
  }

  /**
   * The engine that runs a graph on some inputs for this one. Where the graph reads or sets what is inside of attention, its
   * model has attention written out; where the inputs have padding before tokens, and the model has operators that need
   * the tokens in front, it gives them so. Both have sessions of their own. Where bodies of the model were opened for what
   * stands in them, and the graph does not look there, the model is as its file has it.
   */
  serving(graph: InterventionGraph, inputs: ReadonlyMap<string, InputTensor>): Engine {
    const closed = this.closedFor(graph, 0);
    if (closed !== null) return closed.serving(graph, inputs);
    const padding = this.anyPadding && isPadded(inputs) ? this.anyPadding : null;
    const inner = this.insideOf(graph);
    if (inner === null) return this.withPadding(padding);
    if (hasUnevenRows(this.model, inputs)) {
      throw new TraceError(
        `${inner.attributes.path.replace(OPERATION, '.ops.')} is inside of GroupQueryAttention, and rows of this run begin with padding, for which it cannot be written out. Give rows of one length, or a trace for each.`,
        siteOf(inner),
      );
    }
    return this.withOpened();
  }

  /** The first read or write of a graph that is inside of an operator that does attention as a whole. */
  private insideOf({ root }: InterventionGraph, forward = 0): NodeOf<'read'> | NodeOf<'write'> | null {
    for (const node of withRegions(root.nodes)) {
      if ((node.op !== 'read' && node.op !== 'write') || forwardOf(node) !== forward) continue;
      const { path } = node.attributes;
      if (path.includes(OPERATION) && isInside(this.locate(node.attributes).tensor)) return node;
    }
    return null;
  }

  /**
   * The engine whose model is right for all inputs: that of a bundle, which runs where nobody looks at them.
   * @param forward the forward of the graph that is run
   */
  forAnyInputs(graph: InterventionGraph, forward: number): Engine {
    const closed = this.closedFor(graph, forward);
    if (closed !== null) return closed.forAnyInputs(graph, forward);
    const inner = this.insideOf(graph, forward);
    if (inner === null) return this.withPadding(this.anyPadding);
    if (this.anyPadding !== null) {
      throw new TraceError(
        `${inner.attributes.path.replace(OPERATION, '.ops.')} is inside of GroupQueryAttention, which a bundle cannot look into: what is fed to it may begin with padding, for which it cannot be written out.`,
        siteOf(inner),
      );
    }
    return this.withOpened();
  }

  private closedFor(graph: InterventionGraph, forward: number): Engine | null {
    if (!this.closedModel?.serves(graph, forward, this.locate)) return null;
    this.closed ??= this.rewritten(this.closedModel, this.options.fuse);
    return this.closed;
  }

  private withOpened(): Engine {
    this.opened ??= this.rewritten(withOpenedAttention(this.model));
    return this.opened;
  }

  private withPadding(padding: Padding | null): Engine {
    if (padding === null) return this;
    this.forPadding ??= this.rewritten(withGatheredRows(this.model, padding.tokens, padding.mask));
    return this.forPadding;
  }

  private rewritten({ model, nodesOf }: Rewritten, fuse = false): Engine {
    const moved = (nodes: readonly number[]) => nodes.flatMap(nodesOf);
    const locate: Locate = (address) => {
      const located = this.locate(address);
      return { ...located, nodes: moved(located.nodes) };
    };
    // Each block has to be fused once: in the engine that it runs in most.
    return new Engine(model, this.device, locate, {
      ...this.options,
      tree: movedModule(this.tree, nodesOf),
      fuse,
    });
  }

  /** Runs the model with the graph's interventions and returns what it saves, in order. */
  async run(
    asked: InterventionGraph,
    inputs: ReadonlyMap<string, InputTensor>,
    { signal, reuse: given, onStats, onProgress, onTrail }: RunOptions = {},
  ): Promise<Tensor[]> {
    if (this.isReleased) throw new ModelError(`${this.model.path} was released. Load the model again.`);
    // Sessions read weights while they run: from a file that was cut short they would end the process.
    if (this.model.hasExternal) this.model.checkFiles();
    const start = now();
    const isAlone = !given && !onTrail;
    // A signal ends a run, and its progress is told, between two segments; what is to be fused leaves this thread free meanwhile.
    const mayBeOne = !signal && !onProgress && !this.fused;
    const planned = this.planner.plan({ graph: asked, inputs, isAlone, mayBeOne });
    const { graph, plan } = planned;
    // A block that is one session by now has no parts to share.
    const reuse = planned.way === 'one' ? given : this.scopeFor(inputs, given);
    const run = (chosen: Plan, programs: ProgramRunner = this.programs, own = graph) =>
      runPlan(chosen, own, inputs, {
        model: this.model,
        programs,
        signal,
        reuse: reuse || undefined,
        onProgress,
        residuals: onTrail && new Residuals(chosen, this.backwardPrograms, this.residualBytes),
      }).then((ran) => {
        onTrail?.({ plan: ran.plan, graph: own, registers: ran.registers });
        return ran;
      });
    const asPlanned = (way: Planned): ReturnType<typeof run> =>
      run(way.plan, this.programs, way.graph).catch((error) => {
        // What cannot be compiled by itself may well be compiled as a part of the whole, and the other way round.
        if (error instanceof ProgramError) return asPlanned(this.planner.instead(way));
        throw error;
      });
    const mayFuse = this.fused && isAlone && plan.dispatches.length > 1;
    const { tensors, dispatches } = mayFuse
      ? await this.fused.run(
          graph.structuralKey(),
          () => this.planner.wholePlan(graph),
          run,
          () => asPlanned(planned),
        )
      : await asPlanned(planned);
    this.model.checkFiles();
    if (isAlone && !this.fused) {
      this.planner.ran(planned, {
        size: sizeOf(inputs),
        milliseconds: dispatches.reduce((sum, { ran }) => sum + ran, 0),
        segments: dispatches.filter(({ action, kind }) => action === 'run' && kind !== 'intervention').length,
      });
    }
    // What is fused cannot end on the way.
    signal?.throwIfAborted();
    await onStats?.({
      segmentation: this.segmentation,
      planned: planned.milliseconds,
      dispatches,
      skipped: plan.skipped,
      held: this.held,
      total: now() - start,
    });
    return tensors;
  }

  /** The scope of a run: the user's, if there is one, else that of the sweep that it belongs to. */
  scopeFor(
    inputs: ReadonlyMap<string, InputTensor>,
    given: ReuseScope | false | undefined,
  ): ReuseScope | false | undefined {
    return given === undefined ? this.sweeps?.scopeFor(inputs) : given;
  }

  /** Whether it has given back its sessions for good. */
  get isReleased(): boolean {
    return this.released !== null;
  }

  /** Gives back all sessions. Nothing runs afterwards; what runs now fails after the session that it is in. */
  release(): Promise<void> {
    this.fused?.release();
    this.sweeps?.end();
    this.released ??= Promise.all(
      [this.programs, this.forPadding, this.opened, this.closed].map((one) => one?.release()),
    ).then(() => {});
    return this.released;
  }

  /** What is kept compiled now. */
  get held(): Held {
    return { ...this.programs.held, results: this.sweeps?.bytes ?? 0 };
  }
}

/** The number of elements of the inputs. */
function sizeOf(inputs: ReadonlyMap<string, InputTensor>): number {
  let size = 0;
  for (const { dims } of inputs.values()) size += dims.reduce((product, dim) => product * dim, 1);
  return size;
}

/** The size of all weights in their file. */
function weightBytes({ graph }: OnnxModel): number {
  return graph.initializer.reduce((sum, tensor) => sum + bytesInFile(tensor), 0);
}
