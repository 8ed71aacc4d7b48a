import { OBJECT, type OptionKind, TEXT } from '../api/option-kinds.ts';
import { type LanguageModel, save, type Tensor } from '../index.ts';
import { block } from '../operators/blocks.ts';
import type { Prompt } from '../types/model.ts';
import { checkGiven } from './options.ts';

export interface PatchOptions {
  /** The path of the module whose output is taken. */
  readonly module: string;
  /** The positions that it is taken at in the source, and put to in the base: the same ones, unless `to` is given. */
  readonly positions: readonly number[] | { readonly from: readonly number[]; readonly to: readonly number[] };
}

const isList = (positions: PatchOptions['positions']): positions is readonly number[] => Array.isArray(positions);

const POSITIONS: OptionKind = {
  text: 'an array of positions',
  fits: (value) => Array.isArray(value) && value.every(Number.isInteger),
};

/**
 * Runs the base with what a module gives for the source at some positions (pyvene: an interchange intervention).
 * @returns the main output (the logits) of the patched run, and that of the base alone
 */
export async function patch(
  model: LanguageModel,
  source: Prompt,
  base: Prompt,
  options: PatchOptions,
): Promise<{ readonly patched: Tensor; readonly base: Tensor }> {
  checkGiven('patch', options, { module: TEXT, positions: OBJECT }, ['module', 'positions']);
  const { module, positions } = options;
  const target = model.get(module);
  const { from, to } = isList(positions) ? { from: positions, to: positions } : positions;
  if (!isList(positions)) checkGiven('positions', positions, { from: POSITIONS, to: POSITIONS }, ['from', 'to']);
  if (from.length !== to.length) {
    throw new Error(`${from.length} positions of the source are put to ${to.length} positions of the base.`);
  }
  const at = (list: readonly number[]) => `:, [${list.join(', ')}]` as const;
  return model.session(
    block((session) => {
      const given = session.trace(
        source,
        block(() => target.output[at(from)]),
      );
      const plain = session.trace(
        base,
        block(() => save(model.output)),
      );
      const patched = session.trace(
        base,
        block(() => {
          target.output[at(to)] = given;
          return save(model.output);
        }),
      );
      return { patched, base: plain };
    }),
  );
}
