import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { LanguageModel, save, type Tensor } from 'onnsight';
import { StandardizedTransformer } from 'onnsight/analysis';
import { expect, test } from 'vitest';

/** Small random models with what transformers computes: test/tools/seq2seq_fixtures.py. */
const folderOf = (name: string) => fileURLToPath(new URL(`../fixtures/seq2seq/${name}`, import.meta.url));
const referenceOf = (name: string) => JSON.parse(readFileSync(`${folderOf(name)}/reference.json`, 'utf8'));

function expectClose(tensor: unknown, { dims, data }: Pick<Tensor, 'dims' | 'data'>): void {
  const { dims: own, data: values } = tensor as Tensor;
  expect(own).toEqual(dims);
  for (const [i, value] of [...data].entries()) expect(Math.abs(Number(values[i]) - Number(value))).toBeLessThan(5e-4);
}

test.each([
  { name: 't5', encoder: 'encoder', decoder: 'decoder', list: 'block', cross: 'layer.1.EncDecAttention' },
  { name: 'bart', encoder: 'model.encoder', decoder: 'model.decoder', list: 'layers', cross: 'encoder_attn' },
])('the two transformers of $name by standard names', async ({ name, encoder, decoder, list, cross }) => {
  const lm = await LanguageModel.load(folderOf(name), { device: 'cpu' });
  const { rows, modules } = referenceOf(name);
  expect(() => new StandardizedTransformer(lm)).toThrow(/several lists of layers/);
  const [first, second] = [encoder, decoder].map((within) => new StandardizedTransformer(lm, { within }));
  const found = await lm.trace([rows[0]], () => ({
    layer: save(first!.layersOutput[1]),
    cross: save(second!.crossAttentionsOutput[1]),
    sums: save(second!.crossAttentionProbabilities[1].sum(-1)),
  }));
  expectClose(found.layer, modules[`${encoder}.${list}.1`]);
  expectClose(found.cross, modules[`${decoder}.${list}.1.${cross}`]);
  for (const value of found.sums.data) expect(value).toBeCloseTo(1, 5);
  expect(() => first!.lmHead).toThrow(/no module that is what gives the logits/);
  expect(() => first!.crossAttentions[0]).toThrow(/no module that is attention to what the encoder made/);
});

test('the logits of T5’s last layer are the model’s', async () => {
  const lm = await LanguageModel.load(folderOf('t5'), { device: 'cpu' });
  const st = new StandardizedTransformer(lm, { within: 'decoder' });
  const { projected, logits } = await lm.trace([referenceOf('t5').rows[0]], () => ({
    projected: save(st.projectOnVocab(st.layersOutput[-1])),
    logits: save(lm.output),
  }));
  expectClose(projected, logits as unknown as Tensor);
});
