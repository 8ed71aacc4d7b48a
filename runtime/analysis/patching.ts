import type { Site } from '../graph/types.ts';
import { type Envoy, type LanguageModel, ReuseScope, save, Tensor, TraceError } from '../index.ts';
import { block } from '../operators/blocks.ts';
import { callerSite } from '../tracing/caller.ts';
import { headsOf, type Slice } from './heads.ts';
import {
  checkCall,
  checkHeadPatching,
  checkPatching,
  type HeadPatchingOptions,
  type PatchingGrid,
  type PatchingOptions,
} from './options.ts';
import { type Layer, transformer } from './parts.ts';

/** The residual stream in front of each layer, at each position, from the clean run (`get_act_patch_resid_pre`). */
export function getActPatchResidPre(
  model: LanguageModel,
  options: PatchingOptions,
  ...more: readonly never[]
): Promise<PatchingGrid> {
  return byPosition('getActPatchResidPre', model, options, more, ({ whole }) => whole, 'input');
}

/** What each attention gives, at each position (`get_act_patch_attn_out`). */
export function getActPatchAttnOut(
  model: LanguageModel,
  options: PatchingOptions,
  ...more: readonly never[]
): Promise<PatchingGrid> {
  return byPosition('getActPatchAttnOut', model, options, more, ({ attention }) => attention, 'output');
}

/** What each MLP gives, at each position (`get_act_patch_mlp_out`). */
export function getActPatchMlpOut(
  model: LanguageModel,
  options: PatchingOptions,
  ...more: readonly never[]
): Promise<PatchingGrid> {
  return byPosition('getActPatchMlpOut', model, options, more, ({ mlp }) => mlp, 'output');
}

/** What each head gives, at all positions together (`get_act_patch_attn_head_out_all_pos`). */
export async function getActPatchAttnHeadOutAllPos(
  model: LanguageModel,
  given: HeadPatchingOptions,
  ...more: readonly never[]
): Promise<PatchingGrid> {
  checkCall('getActPatchAttnHeadOutAllPos', 'model, options', model, more);
  checkHeadPatching('getActPatchAttnHeadOutAllPos', given);
  const { heads, ...options } = given;
  const site = callerSite();
  const sweep = await Sweep.of(model, options, ({ projection }) => projection, 'input');
  const columns = Array.from({ length: heads }, (_, head) => `head ${head}`);
  return sweep.grid(columns, (projection, head) => headsOf(projection, heads, site)[head]!.at);
}

async function byPosition(
  call: string,
  model: LanguageModel,
  options: PatchingOptions,
  more: readonly never[],
  module: (layer: Layer) => Envoy,
  port: 'input' | 'output',
): Promise<PatchingGrid> {
  checkCall(call, 'model, options', model, more);
  checkPatching(call, options);
  const sweep = await Sweep.of(model, options, module, port);
  const columns = Array.from({ length: sweep.positions }, (_, position) => `${position}`);
  return sweep.grid(columns, (_, position) => `:, ${position}`);
}

/** A sweep over a tensor of each layer: its values in the clean run, and the runs that they are put into. */
class Sweep {
  private readonly model: LanguageModel;
  private readonly options: PatchingOptions;
  private readonly modules: readonly Envoy[];
  private readonly port: 'input' | 'output';
  private readonly clean: readonly Tensor[];
  private readonly site: Site | null;
  private readonly reuse = new ReuseScope();

  private constructor(
    model: LanguageModel,
    options: PatchingOptions,
    modules: readonly Envoy[],
    port: 'input' | 'output',
    clean: readonly Tensor[],
    site: Site | null,
  ) {
    this.model = model;
    this.options = options;
    this.modules = modules;
    this.port = port;
    this.clean = clean;
    this.site = site;
  }

  static async of(
    model: LanguageModel,
    options: PatchingOptions,
    module: (layer: Layer) => Envoy,
    port: 'input' | 'output',
  ): Promise<Sweep> {
    const site = callerSite();
    const modules = transformer(model, options.parts).layers.map(module);
    const read = block(() => modules.map((one) => save(one[port])));
    const clean = (await model.trace(options.clean, read)) as Tensor[];
    const shapes = await model.scan(
      options.corrupted,
      block(() => modules[0]![port]),
    );
    const [ours, theirs] = [clean[0]!.dims.join(', '), String(shapes.dims?.join(', '))];
    if (ours !== theirs) {
      throw new TraceError(
        `The prompts have other sizes: ${ours} in the clean one, ${theirs} in the corrupted one.`,
        site,
      );
    }
    return new Sweep(model, options, modules, port, clean, site);
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
        const measured: unknown = metric(logits as Tensor);
        if (typeof measured !== 'number')
          throw new TraceError(`metric gives ${named(measured)}, not a number.`, this.site);
        values[row]!.push(measured);
        onProgress?.(row * columns.length + column + 1, this.modules.length * columns.length);
      }
    }
    return { rows: this.modules.map((_, layer) => `layer ${layer}`), columns, values };
  }
}

function named(value: unknown): string {
  if (value instanceof Promise) return 'a promise';
  return value instanceof Tensor ? 'a tensor (its number is metric(…).item())' : String(value);
}
