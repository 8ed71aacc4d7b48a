import { intervention, LanguageModel, save, Tensor } from 'onnsight';
import { loadBundle } from 'onnsight/bundle';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TOY } from '../support/toy.ts';
import { compileTo, runLive } from './support/build.ts';

const INPUTS = { input_ids: [[1, 2, 3]] };

/** A value that a block returns. */
type Make = (logits: Tensor, model: LanguageModel) => unknown;

function returning(make: Make) {
  return intervention((model: LanguageModel) =>
    make(save(model.transformer.h[1].output['0, -1, 0:3']) as never, model),
  );
}

/** A result with its tensors as plain objects. */
function plain(value: unknown): unknown {
  if (value instanceof Tensor) return { dtype: value.dtype, dims: [...value.dims], data: [...value.data] };
  if (Array.isArray(value)) return Array.from(value, plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]));
}

let lm: LanguageModel;
beforeAll(async () => {
  lm = await LanguageModel.load(TOY, { device: 'cpu' });
});
afterAll(() => lm.release());

describe('what a block returns a bundle gives, too', () => {
  it.each<[string, Make]>([
    ['numbers that JSON does not have', (t) => ({ t, n: [Number.NaN, Number.POSITIVE_INFINITY, -0, 0] })],
    ['texts like them', (t) => ({ t, n: ['NaN', '-0'], undefined, null: null })],
    // biome-ignore lint/suspicious/noSparseArray: that is what is tested.
    ['an array with a hole', (t) => [t, , 2]],
    ['odd names', (t) => ({ 'a.b': t, '': t, 0: t, 'ü ñ': t, input_ids: t, 'a/b': t, constructor: t })],
    ['one value twice', (t) => ({ a: t, b: [t], c: { d: t } })],
    ['empty ones', (t) => ({ t, a: {}, b: [], c: [[]] })],
    ['an object without a prototype', (t) => Object.assign(Object.create(null), { t })],
    ['a frozen one', (t) => Object.freeze([t])],
  ])('%s', async (_, make) => {
    const one = returning(make);
    const bundle = await loadBundle(await compileTo(one));
    const [live, own] = [await runLive(one, lm, INPUTS), await bundle(INPUTS)];
    await bundle.release();
    expect(plain(own)).toEqual(plain(live));
  });
});

describe('what it cannot hold is an error at the line of the intervention', () => {
  it.each<[string, Make, RegExp]>([
    ['a Map', (t) => ({ a: new Map([['t', t]]) }), /'a' .* is a Map, .*Object\.fromEntries\(map\)/],
    ['a BigInt', (t) => ({ t, n: 3n }), /'n' .* is a bigint/],
    ['a date', (t) => ({ t, d: new Date(0) }), /'d' .* is an object \(Date\)/],
    ['a function', (t) => [t, () => 1], /'1' .* is a function/],
    ['a module', (t, model) => ({ t, m: model.lm_head }), /'m' .* is a module \(lm_head\).*save\(lm_head\.output\)/],
    ['the model', (t, model) => [t, model], /'1' .* is a module \(model\)/],
    ['nothing', () => ({ a: 1 }), /returns nothing that is saved\. .* \{ outputs: 'model' \}/],
    ['__proto__', (t) => ({ ['__proto__']: t }), /'__proto__' .* Call it something else/],
    [
      'itself',
      (t) => {
        const a: Record<string, unknown> = { t };
        a.a = { a };
        return a;
      },
      /'a\.a' .* is an object that it is itself in/,
    ],
  ])('%s', async (_, make, message) => {
    await expect(compileTo(returning(make))).rejects.toThrow(message);
    await expect(compileTo(returning(make))).rejects.toThrow(/^test\.ts:1:1 - /);
  });

  it('a tensor that is not saved: at its own line', async () => {
    const unsaved = intervention((model: LanguageModel) => ({ a: model.lm_head.output }));
    await expect(compileTo(unsaved)).rejects.toThrow(/^test\/bundle\/returns\.test\.ts:\d+:\d+ - the result\.a is a/);
    await expect(runLive(unsaved, lm, INPUTS)).rejects.toThrow(/^test\/bundle\/returns\.test\.ts:\d+:\d+ - /);
  });
});
