import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { backward, LanguageModel, save } from 'onnsight';
import { expect, test } from 'vitest';

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/seq2seq/${name}`, import.meta.url));
/** PyTorch's gradients: test/tools/tied_gradients.py. */
const told = JSON.parse(readFileSync(fixture('tied-gradients.json'), 'utf8'));

test.each([
  ['t5', ['shared.weight', 'encoder.embed_tokens.weight', 'lm_head.weight']],
  ['bart', ['model.shared.weight', 'model.encoder.embed_tokens.weight', 'lm_head.weight']],
] as const)(
  'the table that encoder, decoder and unembedding of %s share has one gradient, whichever of its names it is asked by',
  async (name, paths) => {
    for (const segmentation of ['layers', 'off'] as const) {
      const lm = await LanguageModel.load(fixture(name), { device: 'cpu', segmentation });
      const { input_ids, decoder_input_ids } = told;
      const gradients = await lm.trace({ input_ids, decoder_input_ids }, () => {
        const logits = lm.output['0, -1'];
        backward(logits[55] - logits[12]);
        return paths.map((path) => save(lm.get(path).grad));
      });
      for (const gradient of gradients) {
        expect(gradient.dims).toEqual(told[name].dims);
        const found = gradient.toArray() as number[][];
        const wrong = (told[name].columns as number[][]).flatMap((row, i) =>
          row.flatMap((value, k) => (Math.abs(found[i]![k]! - value) < 1e-4 ? [] : [[i, k, found[i]![k], value]])),
        );
        expect(wrong).toEqual([]);
      }
    }
  },
);
