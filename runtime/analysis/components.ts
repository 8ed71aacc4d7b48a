import { type LanguageModel, mul, save, stack, sub, type Tensor, TraceError } from '../index.ts';
import { block } from '../operators/blocks.ts';
import { callerSite } from '../tracing/caller.ts';
import type { Prompt } from '../types/model.ts';
import { headsOf } from './heads.ts';
import { type ComponentOptions, checkCall, checkComponentOptions, checkHeads } from './options.ts';
import { transformer } from './parts.ts';

/** Parts of the residual stream. */
export interface Components {
  /** What each is, in order: `0_pre`, `0_attn_out`, `L0H3`. */
  readonly labels: readonly string[];
  /** float [component, batch, position, features] */
  readonly values: Tensor;
}

/** The residual stream in front of each layer, and behind the last one (TransformerLens: `accumulated_resid`). */
export async function accumulatedResidual(
  model: LanguageModel,
  prompt: Prompt,
  options: ComponentOptions = {},
  ...more: readonly never[]
): Promise<Components> {
  checkCall('accumulatedResidual', 'model, prompt, options', model, more);
  checkComponentOptions('accumulatedResidual', options);
  const { layers } = transformer(model, options.parts);
  const values = await model.trace(
    prompt,
    block(() => save(stack([layers[0]!.whole.input, ...layers.map(({ whole }) => whole.output)], 0))),
  );
  return { labels: [...layers.map((_, i) => `${i}_pre`), 'final_post'], values };
}

/**
 * What is added up to the residual stream behind the last layer: the embeddings (with those of positions), and the output
 * of each attention and MLP (TransformerLens: `decompose_resid`). Throws a TraceError for a model whose stream is not their sum.
 */
export async function decomposeResidual(
  model: LanguageModel,
  prompt: Prompt,
  options: ComponentOptions = {},
  ...more: readonly never[]
): Promise<Components> {
  const site = callerSite();
  checkCall('decomposeResidual', 'model, prompt, options', model, more);
  checkComponentOptions('decomposeResidual', options);
  const { layers } = transformer(model, options.parts);
  const { values, last } = await model.trace(
    prompt,
    block(() => ({
      values: save(
        stack([layers[0]!.whole.input, ...layers.flatMap(({ attention, mlp }) => [attention.output, mlp.output])], 0),
      ),
      last: save(layers.at(-1)!.whole.output),
    })),
  );
  const [off, size] = [sub(values.sum(0), last).norm().item(), last.norm().item()];
  if (!(Number(off) <= Number(size) * 1e-3)) {
    throw new TraceError(
      'The residual stream behind the last layer is not the sum of the embeddings and of what attention and MLPs give: the model does something else to them, a norm behind them for example.',
      site,
    );
  }
  return { labels: ['embed', ...layers.flatMap((_, i) => [`${i}_attn_out`, `${i}_mlp_out`])], values };
}

/**
 * What each head adds to the residual stream, layer by layer, without the bias of the projection (TransformerLens:
 * `stack_head_results`). The projection itself is run on each head alone, so that its weights may be stored in any way.
 * @param heads how many heads a layer has
 */
export async function stackHeads(
  model: LanguageModel,
  prompt: Prompt,
  heads: number,
  options: ComponentOptions = {},
  ...more: readonly never[]
): Promise<Components> {
  const site = callerSite();
  checkCall('stackHeads', 'model, prompt, heads, options', model, more);
  checkHeads('stackHeads', heads);
  checkComponentOptions('stackHeads', options);
  const { layers } = transformer(model, options.parts);
  const values = await model.trace(
    prompt,
    block(() => {
      const all = layers.flatMap(({ projection }) => {
        const bias = projection(mul(projection.input, 0));
        return headsOf(projection, heads, site).map(({ mask }) => sub(projection(mul(projection.input, mask)), bias));
      });
      return save(stack(all, 0));
    }),
  );
  return {
    labels: layers.flatMap((_, layer) => Array.from({ length: heads }, (_, head) => `L${layer}H${head}`)),
    values: values as Tensor,
  };
}
