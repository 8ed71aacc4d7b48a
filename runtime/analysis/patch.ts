import { type LanguageModel, save, type Tensor, TraceError } from '../index.ts';
import { block } from '../operators/blocks.ts';
import { callerSite } from '../tracing/caller.ts';
import type { Prompt } from '../types/model.ts';
import { checkCall, checkPatch, type PatchOptions } from './options.ts';

/**
 * Runs the base with what a module gives for the source at some positions (pyvene: an interchange intervention).
 * @returns the main output (the logits) of the patched run, and that of the base alone
 */
export async function patch(
  model: LanguageModel,
  source: Prompt,
  base: Prompt,
  options: PatchOptions,
  ...more: readonly never[]
): Promise<{ readonly patched: Tensor; readonly base: Tensor }> {
  const site = callerSite();
  checkCall('patch', 'model, source, base, options', model, more);
  checkPatch('patch', options);
  const { module, positions } = options;
  const target = model.get(module);
  const { from, to } = 'from' in positions ? positions : { from: positions, to: positions };
  if (from.length !== to.length) {
    throw new TraceError(`${from.length} positions of the source are put to ${to.length} positions of the base.`, site);
  }
  const at = (list: readonly number[], prompt: string) => {
    const size = target.output.shape[1];
    const outside = list.find((one) => typeof size === 'number' && (one >= size || one < -size));
    if (outside === undefined) return `:, [${list.join(', ')}]` as const;
    throw new TraceError(`There is no position ${outside} in the ${prompt}: it has ${size} tokens.`, site);
  };
  return model.session(
    block((session) => {
      const given = session.trace(
        source,
        block(() => target.output[at(from, 'source')]),
      );
      const plain = session.trace(
        base,
        block(() => save(model.output)),
      );
      const patched = session.trace(
        base,
        block(() => {
          target.output[at(to, 'base')] = given;
          return save(model.output);
        }),
      );
      return { patched, base: plain };
    }),
  );
}
