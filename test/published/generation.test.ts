import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LanguageModel } from 'onnsight';
import { expect, test } from 'vitest';
import { fixturePath } from './fixture-path.ts';

/** Prompts and the tokens that transformers chooses after them. */
function generated(folder: string) {
  return JSON.parse(readFileSync(fixturePath(`${folder}/gen.json`), 'utf8'));
}

const GREEDY = { maxNewTokens: 8, stopTokens: [] };

test.each([{ useCache: true }, { useCache: false }])(
  'a decoder with a branch for the cache generates as transformers does: %o',
  async ({ useCache }) => {
    const lm = await LanguageModel.load(fixturePath('gpt2-merged'), { device: 'cpu' });
    const { prompt, greedy, batch, batchGreedy } = generated('gpt2-merged');
    expect((await lm.generate(prompt, { ...GREEDY, useCache })).tokens).toEqual([greedy]);
    expect((await lm.generate(batch, { ...GREEDY, useCache })).tokens).toEqual(batchGreedy);
  },
);

test('a decoder of onnxruntime-genai generates as transformers does, its residual sums set on the way', async () => {
  const lm = await LanguageModel.load(fixturePath('genai-llama'), { device: 'cpu' });
  const { prompt, greedy } = generated('genai-llama');
  expect((await lm.generate(prompt, GREEDY)).tokens).toEqual([greedy]);
  const same = await lm.generate(prompt, GREEDY, (tracer) => {
    for (const _ of tracer.iter()) lm.get('model.layers.1').output *= 1;
  });
  expect(same.tokens).toEqual([greedy]);
});

test('a model without logits cannot generate', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'onnsight-'));
  for (const file of ['tokenizer.json', 'tokenizer_config.json'])
    copyFileSync(fixturePath(`gpt2-merged/${file}`), join(folder, file));
  copyFileSync(fixturePath('bert-optimizer.onnx'), join(folder, 'model.onnx'));
  const lm = await LanguageModel.load(folder, { device: 'cpu' });
  await expect(lm.generate([[0, 42, 65]], GREEDY)).rejects.toThrow(
    /generation.test.ts:\d+:\d+ - The model cannot generate: it has no output 'logits'/,
  );
  rmSync(folder, { recursive: true });
});
