import { appendFileSync } from 'node:fs';
import { intervention, type LanguageModel, save, type Tensor } from 'onnsight';
import { loadBundle } from 'onnsight/bundle';
import { beforeAll, describe, expect, it } from 'vitest';
import { loaderSource, loaderTypes } from '../../runtime/bundle/build/loader-source.ts';
import { manifestSchema } from '../../runtime/bundle/schema.ts';
import { expectClose, reference, TOY } from '../support/toy.ts';
import { build, compileTo } from './support/build.ts';

const scale = intervention({ by: { type: 'float32', default: 1 } }, (gpt2: LanguageModel, { by }) => {
  gpt2.transformer.h[1].output *= by;
  return { logits: save(gpt2.lm_head.output[':, -1']) };
});
const { clean, others } = reference.prompts as { clean: string; others: readonly string[] };
const expected = reference.cases.modules.logits_last;

type Texts = Awaited<ReturnType<typeof loadBundle<unknown, { logits: Tensor }>>>;

describe('a bundle with a tokenizer', () => {
  let folder: string;
  let bundle: Texts;
  beforeAll(async () => {
    folder = await compileTo(scale, { tokenizer: TOY });
    bundle = await loadBundle(folder);
  });

  it('takes a text: PyTorch gives the same', async () => {
    expectClose((await bundle(clean)).logits.view(-1), expected);
    expectClose((await bundle({ text: clean })).logits.view(-1), expected);
    expectClose((await bundle({ text: [clean], by: 1 })).logits.view(-1), expected);
    expect(bundle.tokenizer!.encode(clean).ids).toEqual(reference.ids.clean);
  });

  it('takes several of different lengths, each as if alone', async () => {
    const texts = [clean, ...others];
    const { logits } = await bundle(texts);
    for (const [i, text] of texts.entries()) {
      const alone = (await bundle({ text })).logits;
      expectClose(logits[i]!, { dims: alone.dims.slice(1), data: Array.from(alone.data, Number) }, text);
    }
  });

  it.each([
    ['', /The text is empty/],
    [[], /Missing inputs: input_ids|There are no texts/],
    [{ text: [] }, /There are no texts/],
    [{ text: 3 }, /The text is not a text, but number/],
    [{ text: [clean, 3] }, /Text 1 is not a text, but number/],
    [{ text: clean, input_ids: [[1]] }, /Both text and input_ids are given/],
    [clean.repeat(100), /has \d+ tokens, but the model's context holds \d+/],
  ])('%j is no text', async (inputs, message) => {
    await expect(bundle(inputs)).rejects.toThrow(message);
  });

  it('says so in its manifest, its loader and its types', async () => {
    const { manifest } = await build(scale, undefined, { tokenizer: TOY });
    expect(() => manifestSchema.parse(manifest)).not.toThrow();
    expect(loaderSource(manifest)).toContain('new URL("./tokenizer_config.json", import.meta.url)');
    expect(loaderTypes(manifest)).toContain('LazyBundle<SteerInputs | SteerTexts | Texts, SteerResults>');
  });

  it('whose file was changed is refused', async () => {
    const other = await compileTo(scale, { tokenizer: TOY });
    appendFileSync(`${other}/tokenizer.json`, ' ');
    await expect(loadBundle(other)).rejects.toThrow(/tokenizer\.json is too long/);
  });
});

it('a bundle without one says how to get it', async () => {
  const bundle = await loadBundle(await compileTo(scale));
  await expect(bundle('text')).rejects.toThrow(/has no tokenizer.*--tokenizer/);
});

it('a parameter called text would be taken for texts', async () => {
  const taken = intervention({ text: 'float32' }, (gpt2: LanguageModel, { text }) => save(gpt2.lm_head.output * text));
  await expect(build(taken, undefined, { tokenizer: TOY })).rejects.toThrow(/Call it something else/);
});
