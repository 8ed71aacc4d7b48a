import { CHECKED_LATER, COUNT, FUNCTION, OBJECT, SIGNAL } from '../api/option-kinds.ts';
import type { OptionKinds } from '../api/options.ts';
import { type Envoy, type LanguageModel, ReuseScope, save, type Tensor } from '../index.ts';
import { block } from '../operators/blocks.ts';
import type { Prompt } from '../types/model.ts';
import { headSize } from './heads.ts';
import { checkGiven } from './options.ts';
import { type Layer, type Parts, transformer } from './parts.ts';

export interface PatchingOptions {
  /** The prompt that values are taken from. */
  readonly clean: Prompt;
  /** The prompt that they are put into: as many tokens. */
  readonly corrupted: Prompt;
  /** What a patch is measured by: of the logits, float [batch, position, vocabulary]. */
  readonly metric: (logits: Tensor) => number;
  /** Where the model has its parts, if its names are not those of GPT-2, Llama or GPT-NeoX. */
  readonly parts?: Parts;
  /** Told after each patch how many are done, and how many there are. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Ends the sweep between two patches: the promise is rejected with its reason. */
  readonly signal?: AbortSignal;
}

const PATCHING_OPTIONS: OptionKinds<PatchingOptions> = {
  clean: CHECKED_LATER,
  corrupted: CHECKED_LATER,
  metric: FUNCTION,
  parts: OBJECT,
  onProgress: FUNCTION,
  signal: SIGNAL,
};

/** What patches do: `values[row][column]`, with a name for each row and column. */
export interface PatchingGrid {
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  readonly values: readonly (readonly number[])[];
}

/** The residual stream in front of each layer, at each position, from the clean run (`get_act_patch_resid_pre`). */
export function getActPatchResidPre(model: LanguageModel, options: PatchingOptions): Promise<PatchingGrid> {
  return byPosition(model, options, ({ whole }) => whole, 'input');
}

/** What each attention gives, at each position (`get_act_patch_attn_out`). */
export function getActPatchAttnOut(model: LanguageModel, options: PatchingOptions): Promise<PatchingGrid> {
  return byPosition(model, options, ({ attention }) => attention, 'output');
}

/** What each MLP gives, at each position (`get_act_patch_mlp_out`). */
export function getActPatchMlpOut(model: LanguageModel, options: PatchingOptions): Promise<PatchingGrid> {
  return byPosition(model, options, ({ mlp }) => mlp, 'output');
}

/** What each head gives, at all positions together (`get_act_patch_attn_head_out_all_pos`). */
export async function getActPatchAttnHeadOutAllPos(
  model: LanguageModel,
  { heads, ...options }: PatchingOptions & { readonly heads: number },
): Promise<PatchingGrid> {
  checkGiven('getActPatchAttnHeadOutAllPos', { heads }, { heads: COUNT }, ['heads']);
  const sweep = await Sweep.of(model, options, ({ projection }) => projection, 'input');
  const columns = Array.from({ length: heads }, (_, head) => `head ${head}`);
  return sweep.grid(columns, (projection, head) => {
    const size = headSize(projection, heads);
    return `..., ${head * size}:${(head + 1) * size}`;
  });
}

async function byPosition(
  model: LanguageModel,
  options: PatchingOptions,
  module: (layer: Layer) => Envoy,
  port: 'input' | 'output',
): Promise<PatchingGrid> {
  const sweep = await Sweep.of(model, options, module, port);
  const columns = Array.from({ length: sweep.positions }, (_, position) => `${position}`);
  return sweep.grid(columns, (_, position) => `:, ${position}`);
}

/** A slice with a comma, as tensors take it. */
type Slice = `${string},${string}`;

/** A sweep over a tensor of each layer: its values in the clean run, and the runs that they are put into. */
class Sweep {
  private readonly model: LanguageModel;
  private readonly options: PatchingOptions;
  private readonly modules: readonly Envoy[];
  private readonly port: 'input' | 'output';
  private readonly clean: readonly Tensor[];
  private readonly reuse = new ReuseScope();

  private constructor(
    model: LanguageModel,
    options: PatchingOptions,
    modules: readonly Envoy[],
    port: 'input' | 'output',
    clean: readonly Tensor[],
  ) {
    this.model = model;
    this.options = options;
    this.modules = modules;
    this.port = port;
    this.clean = clean;
  }

  static async of(
    model: LanguageModel,
    options: PatchingOptions,
    module: (layer: Layer) => Envoy,
    port: 'input' | 'output',
  ): Promise<Sweep> {
    checkGiven('A patching grid', options, PATCHING_OPTIONS, ['clean', 'corrupted', 'metric']);
    const modules = transformer(model, options.parts).layers.map(module);
    const read = block(() => modules.map((one) => save(one[port])));
    const clean = (await model.trace(options.clean, read)) as Tensor[];
    const shapes = await model.scan(
      options.corrupted,
      block(() => modules[0]![port]),
    );
    const [ours, theirs] = [clean[0]!.dims.join(', '), String(shapes.dims?.join(', '))];
    if (ours !== theirs) {
      throw new Error(`The prompts have other sizes: ${ours} in the clean one, ${theirs} in the corrupted one.`);
    }
    return new Sweep(model, options, modules, port, clean);
  }

  get positions(): number {
    return this.clean[0]!.dims[1]!;
  }

  /** Patches each module at each place. */
  async grid(columns: readonly string[], place: (module: Envoy, column: number) => Slice): Promise<PatchingGrid> {
    const { corrupted, metric, onProgress, signal, parts } = this.options;
    const { unembedding } = transformer(this.model, parts);
    const values: number[][] = [];
    for (const [row, module] of this.modules.entries()) {
      values.push([]);
      for (const column of columns.keys()) {
        signal?.throwIfAborted();
        const patched = block(() => {
          const at = place(module, column);
          module[this.port][at] = this.clean[row]![at];
          return save(unembedding.output);
        });
        const logits = await this.model.trace(corrupted, patched, { reuse: this.reuse });
        values[row]!.push(metric(logits as Tensor));
        onProgress?.(row * columns.length + column + 1, this.modules.length * columns.length);
      }
    }
    return { rows: this.modules.map((_, layer) => `layer ${layer}`), columns, values };
  }
}
