import { Engine } from '../execution/engine.ts';
import type { Device } from '../ort/port.ts';
import { checkSegmentation, type Segmentation } from '../partition/segmentation.ts';
import type { InputTensor } from '../tensor/string-tensor.ts';
import type { TracedForward } from '../tracing/forward.ts';
import type { LoadOptions } from '../types/model.ts';
import type { Block } from './blocks.ts';
import type { InputMaker } from './input-maker.ts';
import { KnownBlocks } from './known-blocks.ts';
import type { ModelMap } from './model-map.ts';
import type { RunnableModel } from './runnable-model.ts';
import { StepModel } from './step-model.ts';
import type { Traceable, Tracing } from './tracing.ts';
import type { Shapes } from './typed-model.ts';

/** The user's choice of how a model runs. */
export interface EngineChoice {
  readonly device: Device;
  /** Whether a block that runs often becomes one session. */
  readonly fuse: boolean;
  /** Whether runs on the same inputs share what they compute. */
  readonly reuse?: boolean | undefined;
  /** Where the model is cut, if the user says it. */
  readonly segmentation?: Segmentation | undefined;
  /** How often the body of a loop may run. */
  readonly maxIterations?: number | undefined;
}

/** The choice that load options make. Throws a TypeError for a segmentation that there is not. */
export function engineChoice(options: LoadOptions): Omit<EngineChoice, 'device'> {
  const { fuse = false, reuse, maxIterations, segmentation } = options;
  if (segmentation !== undefined) checkSegmentation('segmentation', segmentation);
  return { fuse, reuse, maxIterations, segmentation };
}

/** What runs in the steps of a generation after the first, as `LaterParts` are in the file. */
export interface StepMaps {
  readonly whole: ModelMap;
  readonly cached: ModelMap | null;
}

/** A model that runs: its modules, the engine of a device, how its inputs are made, and the edits that it carries. */
export class LoadedModel implements Traceable {
  readonly map: ModelMap;
  readonly engine: Engine;
  readonly inputs: InputMaker;
  readonly #choice: EngineChoice;
  readonly #later: StepMaps | null;
  readonly #steps: { readonly whole: RunnableModel; readonly cached: RunnableModel | null } | null;
  /** What was recorded of blocks that run again. */
  readonly blocks = new KnownBlocks();
  /** Blocks that run at the beginning of every trace. */
  #edits: readonly Block<[]>[] = [];

  /** @param later of an encoder-decoder: what is left to do when the encoder has run */
  constructor(
    map: ModelMap,
    inputs: InputMaker,
    choice: EngineChoice,
    later: StepMaps | null = null,
    like: LoadedModel | null = null,
  ) {
    this.map = map;
    this.inputs = inputs;
    this.#choice = choice;
    this.#later = later;
    this.engine = like?.engine ?? engineOf(map, choice);
    const run = (part: ModelMap): RunnableModel => ({ map: part, engine: engineOf(part, choice), parts: [] });
    this.#steps = like ? like.#steps : later && { whole: run(later.whole), cached: later.cached && run(later.cached) };
  }

  /** What runs of an encoder-decoder in the steps of a generation after the first. */
  get parts(): readonly RunnableModel[] {
    const { whole, cached } = this.#steps ?? {};
    return [whole, cached].filter((part) => part != null);
  }

  get edits(): readonly Block<[]>[] {
    return this.#edits;
  }

  /** Adds a block to the edits, after those that are there. */
  addEdit(block: Block<[]>): void {
    this.#edits = [...this.#edits, block];
  }

  clearEdits(): void {
    this.#edits = [];
  }

  /** A copy with the same edits, on another device or with the same engine. Later edits of one do not change the other. */
  copy(device: Device | null = null): LoadedModel {
    const choice = device ? { ...this.#choice, device } : this.#choice;
    const copy = new LoadedModel(this.map, this.inputs, choice, this.#later, device ? null : this);
    copy.#edits = this.#edits;
    return copy;
  }

  /** Opens a forward, with the edits of this model in it. */
  openForward(tracing: Tracing, shapes: Shapes, inputs: ReadonlyMap<string, InputTensor>): TracedForward {
    const forward = tracing.forwards.open(this, shapes, inputs);
    this.runEdits(tracing, forward);
    return forward;
  }

  afterFirst(cached: boolean): RunnableModel {
    return (cached ? this.#steps?.cached : this.#steps?.whole) ?? this;
  }

  openStep(tracing: Tracing, shapes: Shapes, cached: boolean, first: TracedForward): TracedForward {
    const none: ReadonlyMap<string, InputTensor> = new Map();
    const part = this.afterFirst(cached);
    if (part === this) return this.openForward(tracing, shapes, none);
    const uncached = part === this.#steps!.cached ? this.#steps!.whole.map : null;
    const step = new StepModel(part.map, shapes, { held: this.map, first, uncached });
    const forward = tracing.forwards.open(part, shapes, none, step);
    step.duringEdits(() => this.runEdits(tracing, forward));
    return forward;
  }

  /** Works out the formulas of the shapes of all that a generation runs. */
  async symbolic(): Promise<void> {
    for (const { map } of [this, ...this.parts]) await map.symbolic();
  }

  /** Gives back the memory of all sessions. */
  async release(): Promise<void> {
    await Promise.all([this, ...this.parts].map(({ engine }) => engine.release()));
  }

  /** Runs the edits of this model in a forward of it that has just begun. */
  runEdits({ builder }: Tracing, forward: TracedForward): void {
    builder.inForward(forward, () => {
      for (const edit of this.#edits) edit();
    });
    forward.endEdits();
  }
}

function engineOf(map: ModelMap, choice: EngineChoice): Engine {
  const { model, tree, locate } = map;
  return new Engine(model, choice.device, locate, { tree, formulas: () => map.formulas, ...choice });
}
