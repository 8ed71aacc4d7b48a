import { LanguageModel, NNsight } from 'onnsight';
import * as analysis from 'onnsight/analysis';
import { describe, expect, it } from 'vitest';
import { modelPath } from '../support/fixtures.ts';

/** The functions as they are without types. */
// biome-ignore lint/suspicious/noExplicitAny: what the types refuse is tried here.
const a: any = analysis;
// biome-ignore lint/suspicious/noExplicitAny: the same.
const lm: any = await LanguageModel.load('onnsight/toy-gpt2', { device: 'cpu' });
const mlp = await NNsight.load(modelPath('zoo/mlp', 'ts'), { device: 'cpu' });
const clean = 'The Eiffel Tower is in the city of';
const corrupted = 'The Arc de Triomphe is in the city of';
const metric = () => 0;
const components = await analysis.decomposeResidual(lm, clean);
const grid = { rows: ['a'], columns: ['b'], values: [[1]] };
const module = 'transformer.h.0';

const MISTAKES: Record<string, [() => unknown, RegExp]> = {
  'no arguments': [() => a.accumulatedResidual(), /takes a model first/],
  'a text for a model': [() => a.decomposeResidual('gpt2', clean), /takes a model first, .* not string/],
  'another model': [() => a.stackHeads(mlp, clean, 4), /has no module that is the list of layers/],
  'no prompt': [() => a.accumulatedResidual(lm), /inputs are undefined/],
  'one argument more': [() => a.accumulatedResidual(lm, clean, {}, 5), /takes no more than that/],
  'one more for a sweep': [() => a.getActPatchResidPre(lm, { clean, corrupted, metric }, 5), /takes no more than that/],
  'one more for a picture': [() => a.drawGrid(grid, {}, 5), /takes no more than that/],
  'a misspelt option': [() => a.accumulatedResidual(lm, clean, { part: {} }), /did you mean parts\?/],
  'a misspelt part': [() => a.decomposeResidual(lm, clean, { parts: { layer: 'h' } }), /did you mean layers\?/],
  'no heads': [() => a.stackHeads(lm, clean), /needs the number of heads/],
  'heads as a text': [() => a.stackHeads(lm, clean, '4'), /whole number from 1 on/],
  'heads that do not fit': [() => a.stackHeads(lm, clean, 3), /not those of 3 heads/],
  'no components': [() => a.logitAttribution(lm, clean, undefined, { token: 1 }), /takes components/],
  'a tensor for components': [() => a.logitAttribution(lm, clean, components.values, { token: 1 }), /takes components/],
  'components of another prompt': [() => a.logitAttribution(lm, 'The', components, { token: 1 }), /of another prompt/],
  'no token': [() => a.logitAttribution(lm, clean, components, {}), /needs token/],
  'a word for a token': [() => a.logitAttribution(lm, clean, components, { token: 'Paris' }), /whole number from 0 on/],
  'a token that there is not': [
    () => a.logitAttribution(lm, clean, components, { token: 5000 }),
    /no token 5000: the model knows 189/,
  ],
  'no metric': [() => a.getActPatchMlpOut(lm, { clean, corrupted }), /needs metric/],
  'prompts of other lengths': [
    () => a.getActPatchResidPre(lm, { clean: 'The', corrupted, metric }),
    /prompts have other sizes/,
  ],
  'a metric without a number': [
    () => a.getActPatchAttnOut(lm, { clean, corrupted: clean, metric: () => 'a' }),
    /metric gives a, not a number/,
  ],
  'heads of a sweep missing': [
    () => a.getActPatchAttnHeadOutAllPos(lm, { clean, corrupted, metric }),
    /needs heads, which is a whole number/,
  ],
  'nothing to draw': [() => a.drawGrid(), /takes a grid/],
  'a row without a name': [() => a.drawGrid({ ...grid, values: [[1], [2]] }), /takes a grid/],
  'a text in a grid': [() => a.drawGrid({ ...grid, values: [['x']] }), /takes a grid/],
  'a module that there is not': [
    () => a.patch(lm, clean, clean, { module: 'transformer.hh.0', positions: [0] }),
    /did you mean transformer\.h\?/,
  ],
  'a position that there is not': [
    () => a.patch(lm, clean, clean, { module, positions: [90] }),
    /no position 90 in the source: it has 9 tokens/,
  ],
  'positions that do not match': [
    () => a.patch(lm, clean, clean, { module, positions: { from: [0, 1], to: [0] } }),
    /2 positions of the source/,
  ],
  'no model to standardize': [() => new a.StandardizedTransformer(), /takes a model first/],
  'a layer that there is not': [
    () => new a.StandardizedTransformer(lm).layers[9].output,
    /no module transformer\.h\.9/,
  ],
};

describe('a call of onnsight/analysis that cannot be meant is an error at its line', () => {
  it.each(Object.entries(MISTAKES))('%s', async (_, [run, message]) => {
    // An argument too many is told by an error that has the line in its stack alone.
    const error = await Promise.resolve()
      .then(run)
      .then(
        () => null,
        (reason: Error) => reason,
      );
    expect(error?.message).toMatch(message);
    expect(`${error?.message}\n${error?.stack}`).toMatch(/analysis\/mistakes\.test\.ts:\d+:\d+/);
  });
});
