import { copyFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LanguageModel, type Loose, save } from 'onnsight';
import { expect, test } from 'vitest';
import { makeNode } from '../../runtime/onnx/make.ts';
import { changedNode, decodeModel, encodeModel } from '../../runtime/onnx/proto.ts';
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

test('keys and values that are cast behind all layers, as converters to half precision do, generate the same', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'onnsight-'));
  cpSync('models/toy-gpt2', folder, { recursive: true });
  const file = join(folder, 'model.onnx');
  const { graph, ...rest } = decodeModel(readFileSync(file));
  const inner = (name: string) => (name.startsWith('present.') ? `${name}/half` : name);
  const nodes = graph!.node.map((node) =>
    changedNode(node, { input: node.input.map(inner), output: node.output.map(inner) }),
  );
  const casts = graph!.output
    .filter(({ name }) => name.startsWith('present.'))
    .map(({ name }) => makeNode('Cast', [inner(name)], [name], { to: { int: 1 } }));
  writeFileSync(file, encodeModel({ ...rest, graph: { ...graph!, node: [...nodes, ...casts] } }));
  const [cast, plain] = await Promise.all([folder, 'models/toy-gpt2'].map((path) => LanguageModel.load(path)));
  const [prompt, options] = ['The Eiffel Tower is in', { maxNewTokens: 12, stopTokens: [] }];
  const expected = await plain!.generate(prompt, options);
  expect((await cast!.generate(prompt, options)).tokens).toEqual(expected.tokens);
  rmSync(folder, { recursive: true });
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

test.each([{ useCache: true }, { useCache: false }])(
  'new tokens stand behind the positions that the prompt was given: %o',
  async ({ useCache }) => {
    const lm = await LanguageModel.load<Loose>(fixturePath('gpt2-merged'), { device: 'cpu' });
    const prompt = [0, 42, 65];
    const { tokens } = await lm.generate(
      { input_ids: [prompt], position_ids: [[5, 6, 9]] },
      { maxNewTokens: 4, stopTokens: [], useCache },
    );
    // A loop by hand, which runs the model on all tokens.
    const ids = [...prompt];
    const positions = [5, 6, 9];
    for (let step = 0; step < 4; step++) {
      const logits = await lm.trace({ input_ids: [ids], position_ids: [positions] }, () => save(lm.output[0][-1]));
      const all = [...logits.data].map(Number);
      ids.push(all.indexOf(Math.max(...all)));
      positions.push(positions.at(-1)! + 1);
    }
    expect(tokens).toEqual([ids.slice(3)]);
  },
);

test('a folder has no revisions', async () => {
  await expect(LanguageModel.load(fixturePath('gpt2-merged'), { revision: 'v2' })).rejects.toThrow(
    /gpt2-merged is a folder, which has no revisions: leave out revision "v2"/,
  );
});
