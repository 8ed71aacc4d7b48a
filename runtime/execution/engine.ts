import { now } from '../clock.ts';
import type { InterventionGraph } from '../graph/graph.ts';
import type { Locate } from '../lowering/address.ts';
import type { Module } from '../modules/module.ts';
import { buildTree } from '../modules/tree.ts';
import { ModelError } from '../onnx/error.ts';
import { bytesInFile } from '../onnx/external.ts';
import type { OnnxModel } from '../onnx/model.ts';
import type { Device } from '../ort/port.ts';
import type { Plan } from '../partition/plan.ts';
import { type Planned, Planner } from '../partition/planner.ts';
import { COPIES, type Segmentation, segmentationFor } from '../partition/segmentation.ts';
import type { RanInSegments } from '../partition/tiers.ts';
import type { SymbolicTypes } from '../shapes/symbolic.ts';
import type { InputTensor } from '../tensor/string-tensor.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { BackwardPrograms } from './backward-programs.ts';
import { checkFusing, Fused } from './fused.ts';
import { Joins } from './joins.ts';
import { type Form, ModelForms } from './model-forms.ts';
import { ProgramError, type ProgramRunner } from './program-runner.ts';
import { Programs } from './programs.ts';
import { Residuals } from './residuals.ts';
import type { ReuseScope } from './reuse.ts';
import { runPlan } from './run-plan.ts';
import type { DispatchStats, Held, RunStats } from './stats.ts';
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
  /** How many runs like this one are sure to come, this one among them: steps of a generation, which may end it only between them. */
  readonly runs?: number | undefined;
  /** Told what happened, when the run has ended well. */
  readonly onStats?: ((stats: RunStats) => void) | undefined;
  /** Told what a run leaves behind, where a backward pass may come: it keeps all that it computes. */
  readonly onTrail?: ((trail: Trail) => void) | undefined;
  /** Told after each segment and intervention how many of the run have ended, and how many there are. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** The bytes of weights that compiled programs may hold in any case. */
const SMALL = 2 ** 28;

/** How many blocks may have a session of their own, however small the model is. */
const OWN = 16;

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
  private readonly joins: Joins;
  /** How much of a run may be kept for its backward pass. */
  private readonly residualBytes: number;
  readonly segmentation: Segmentation;
  private readonly planner: Planner;
  private readonly fused: Fused | null;
  /** Null where runs share nothing unless a scope says so. */
  private readonly sweeps: Sweeps | null;
  private released: Promise<void> | null = null;
  /** The engines of the model's other forms. */
  readonly forms: ModelForms<Engine>;

  constructor(model: OnnxModel, device: Device, locate: Locate, options: EngineOptions = {}) {
    this.model = model;
    this.device = device;
    this.locate = locate;
    const { tree = buildTree(model.plain), fuse = false, reuse = true, maxIterations, formulas } = options;
    // What is fused runs in segments first: in the thread of the program for as short as can be.
    const segmentation = options.segmentation ?? segmentationFor(fuse ? 'cpu' : device);
    this.tree = tree;
    this.segmentation = segmentation;
    const bytes = weightBytes(model);
    const config = { device, folder: model.folder, modelBytes: bytes };
    const limit = Math.max(SMALL, COPIES[segmentation] * bytes);
    this.programs = new Programs(config, model, limit);
    this.backwardPrograms = new BackwardPrograms(this.programs);
    this.joins = new Joins(this.backwardPrograms);
    this.residualBytes = Math.max(SMALL, KEPT * bytes);
    this.planner = new Planner(model, tree, locate, segmentation, this.programs, {
      maxIterations,
      formulas,
      // Beside the segments.
      ownSessions: Math.min(OWN, Math.floor(limit / Math.max(1, bytes)) - 1),
    });
    if (fuse) checkFusing(device, this.planner.isCut);
    this.fused = fuse ? new Fused(config) : null;
    // One session of a block, in another thread or with taps, has no parts to share.
    const hasParts = this.planner.isCut && !fuse && segmentation !== 'taps';
    this.sweeps = reuse && hasParts ? new Sweeps() : null;
    // Each block has to be fused once: in the engine that it runs in most.
    const make = (form: Form, isMain: boolean) =>
      new Engine(form.model, device, form.locate, { ...options, tree: form.tree, fuse: fuse && isMain });
    this.forms = new ModelForms<Engine>({ model, locate, tree, engine: this }, make);
  }

  /** Runs the model with the graph's interventions and returns what it saves, in order. */
  async run(
    asked: InterventionGraph,
    inputs: ReadonlyMap<string, InputTensor>,
    { signal, reuse: given, runs = 1, onStats, onProgress, onTrail }: RunOptions = {},
  ): Promise<Tensor[]> {
    if (this.isReleased) throw new ModelError(`${this.model.path} was released. Load the model again.`);
    // Sessions read weights while they run: from a file that was cut short they would end the process.
    if (this.model.hasExternal) this.model.checkHeldFiles();
    const start = now();
    const isAlone = !given && !onTrail;
    const size = sizeOf(inputs);
    // A signal ends a run, and its progress is told, between two segments; what is to be fused leaves this thread free meanwhile.
    const [mayTap, mayEnd] = [!onProgress && !this.fused, signal !== undefined && runs === 1];
    let scope: ReuseScope | false | null | undefined = null;
    const scopeHere = () => {
      if (scope === null) scope = this.scopeFor(inputs, given);
      return scope;
    };
    const isNew = () => !scopeHere();
    const planned = this.planner.plan({ graph: asked, inputs, isAlone, mayTap, mayEnd, size, runs, isNew });
    const { graph, plan } = planned;
    // A block that is one session by now has no parts to share.
    const reuse = planned.way === 'one' || planned.way === 'taps' ? given : scopeHere();
    const run = (asPlanned: Plan, programs: ProgramRunner = this.programs, own = graph) => {
      const chosen = onTrail ? this.joins.of(asPlanned, !!reuse) : asPlanned;
      return runPlan(chosen, own, inputs, {
        model: this.model,
        programs,
        signal,
        reuse: reuse || undefined,
        onProgress,
        residuals: onTrail && new Residuals(chosen, this.backwardPrograms, this.residualBytes),
      }).then((ran) => {
        if (onTrail) this.joins.ran(chosen, ran.registers);
        onTrail?.({ plan: ran.plan, graph: own, registers: ran.registers, own: ran.own });
        return ran;
      });
    };
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
    // New sessions have opened them by their paths.
    const hasOpened = this.fused || planned.milliseconds || dispatches.some(({ built }) => built !== null);
    if (hasOpened) this.model.checkFiles();
    else this.model.checkHeldFiles();
    if (isAlone && !this.fused) {
      const compiled = dispatches.reduce((sum, { built }) => sum + (built ?? 0), planned.milliseconds ?? 0);
      const milliseconds = now() - start - compiled;
      this.planner.ran(planned, { size, milliseconds, ...costsOf(dispatches) });
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
    this.model.files.close();
    this.released ??= Promise.all([this.programs, ...this.forms.others].map((one) => one.release())).then(() => {});
    return this.released;
  }

  /** What is kept compiled now. */
  get held(): Held {
    return { ...this.programs.held, results: this.sweeps?.bytes ?? 0 };
  }
}

/** What of a run tells how its block should run. */
function costsOf(dispatches: readonly DispatchStats[]): Pick<RanInSegments, 'sessions' | 'isWhole' | 'handover'> {
  let [sessions, least] = [0, Number.POSITIVE_INFINITY];
  for (const { action, kind, ran } of dispatches) {
    if (action !== 'run') continue;
    sessions++;
    if (kind === 'intervention') least = Math.min(least, ran);
  }
  const handover = Number.isFinite(least) ? least : null;
  return { sessions, isWhole: sessions === dispatches.length, handover };
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
