import { Engine } from '../execution/engine.ts';
import type { Device } from '../ort/port.ts';
import { checkSegmentation, type Segmentation } from '../partition/segmentation.ts';
import type { InputTensor } from '../tensor/string-tensor.ts';
import type { TracedForward } from '../tracing/forward.ts';
import type { LoadOptions } from '../types/model.ts';
import type { Block } from './blocks.ts';
import type { InputMaker } from './input-maker.ts';
import type { ModelMap, Shapes } from './locate.ts';
import type { Traceable, Tracing } from './tracing.ts';

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

/** A model that runs: its modules, the engine of a device, how its inputs are made, and the edits that it carries. */
export class LoadedModel implements Traceable {
  readonly map: ModelMap;
  readonly engine: Engine;
  readonly inputs: InputMaker;
  readonly #choice: EngineChoice;
  /** Blocks that run at the beginning of every trace. */
  #edits: readonly Block<[]>[] = [];

  constructor(map: ModelMap, inputs: InputMaker, choice: EngineChoice, engine: Engine | null = null) {
    const { model, tree, locate } = map;
    this.map = map;
    this.inputs = inputs;
    this.#choice = choice;
    this.engine = engine ?? new Engine(model, choice.device, locate, { tree, formulas: () => map.formulas, ...choice });
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
    const copy = new LoadedModel(this.map, this.inputs, choice, device ? null : this.engine);
    copy.#edits = this.#edits;
    return copy;
  }

  /** Opens a forward, with the edits of this model in it. */
  openForward(tracing: Tracing, shapes: Shapes, inputs: ReadonlyMap<string, InputTensor>): TracedForward {
    const forward = tracing.openForward(this, shapes, inputs);
    this.runEdits(tracing, forward);
    return forward;
  }

  /** Runs the edits of this model in a forward of it that has just begun. */
  runEdits({ builder }: Tracing, forward: TracedForward): void {
    builder.inForward(forward, () => {
      for (const edit of this.#edits) edit();
    });
    forward.endEdits();
  }
}
