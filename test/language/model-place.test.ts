import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LanguageModel, type LoadOptions, NNsight, save } from 'onnsight';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fixturePath } from '../published/fixture-path.ts';
import { modelPath } from '../support/fixtures.ts';
import { TOY } from '../support/toy.ts';

let root: string;
const at = (path: string) => join(root, path);
/** Puts a file, made of parts that are there, into the folder. */
function put(path: string, from: string): void {
  mkdirSync(join(at(path), '..'), { recursive: true });
  cpSync(from, at(path));
}

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'onnsight-place-'));
  // A model without a tokenizer, in two forms, and another one beside it.
  put('vit/onnx/model.onnx', modelPath('zoo/mlp', 'ts'));
  put('vit/onnx/model_quantized.onnx', modelPath('edge/lstm', 'ts'));
  put('vit/other.onnx', modelPath('edge/lstm', 'ts'));
  // As the hub has language models.
  put('gpt2/onnx/model.onnx', join(TOY, 'model.onnx'));
  for (const name of ['tokenizer.json', 'tokenizer_config.json', 'config.json']) put(`gpt2/${name}`, join(TOY, name));
  // A folder of onnxruntime-genai in a repository with several.
  cpSync(fixturePath('genai-llama'), at('repository/cpu/int4'), { recursive: true });
  rmSync(at('repository/cpu/int4/config.json'));
  put('repository/cpu/int4/llama-int4.onnx', fixturePath('genai-llama/model.onnx'));
  rmSync(at('repository/cpu/int4/model.onnx'));
  put('repository/cpu/int4/a-vision-part.onnx', modelPath('zoo/mlp', 'ts'));
  const model = { bos_token_id: 0, eos_token_id: [2, 158], pad_token_id: 1, context_length: 64, vocab_size: 189 };
  const search = { do_sample: false, top_k: 50, top_p: 1, temperature: 1, repetition_penalty: 1 };
  const genai = { model: { ...model, type: 'llama', decoder: { filename: 'llama-int4.onnx', head_size: 16 } }, search };
  writeFileSync(at('repository/cpu/int4/genai_config.json'), JSON.stringify(genai));
});
afterAll(() => rmSync(root, { recursive: true }));

const layers = async (path: string, options: LoadOptions = {}) =>
  String(await NNsight.load(at(path), { device: 'cpu', ...options })).includes('layer1') ? 'mlp' : 'lstm';

describe('a model without a tokenizer', () => {
  test('in a folder, by form, by file, and as a file', async () => {
    expect(await layers('vit')).toBe('mlp');
    expect(await layers('vit', { dtype: 'fp32' })).toBe('mlp');
    expect(await layers('vit', { dtype: 'q8' })).toBe('lstm');
    expect(await layers('vit', { subfolder: 'onnx' })).toBe('mlp');
    expect(await layers('vit', { subfolder: '' })).toBe('lstm');
    expect(await layers('vit', { file: 'other.onnx' })).toBe('lstm');
    expect(await layers('vit/onnx/model.onnx')).toBe('mlp');
  });

  test.each<[string, LoadOptions, string]>([
    [
      'vit',
      { dtype: 'q4' },
      'choose one with the option file out of onnx/model.onnx, onnx/model_quantized.onnx, other.onnx',
    ],
    ['vit', { dtype: 'int4' as 'q4' }, 'there is no dtype "int4": it is one of fp32, fp16, q8, int8'],
    ['vit', { dtype: 8 as unknown as 'q8' }, 'The option dtype of NNsight.load is a text, not 8'],
    ['vit/onnx/model.onnx', { dtype: 'q8' }, 'model.onnx is a file: leave out the option dtype, or name the folder'],
    ['vit/onnx/model.onnx', { revision: 'main' }, 'model.onnx is a file: leave out the option revision'],
    ['vit/nowhere.onnx', {}, 'no such file: '],
    ['nowhere', {}, 'no such file or folder: '],
  ])('%s with %o is an error', async (path, options, says) => {
    await expect(layers(path, options)).rejects.toThrow(says);
  });

  test.each([undefined, null, 5, {}])('%s is no path', async (path) => {
    for (const load of [NNsight.load, LanguageModel.load]) {
      await expect(load(path as never)).rejects.toThrow(
        /takes a path, or the id of a model of the hub, as a text, not .+\.$/,
      );
    }
  });
});

describe('a language model', () => {
  test('by its folder and by its file, with the tokenizer above it', async () => {
    const [expected, ...found] = await Promise.all(
      [TOY, at('gpt2'), at('gpt2/onnx/model.onnx')].map(async (path) => {
        const lm = await LanguageModel.load(path, { device: 'cpu' });
        return lm.trace('The Eiffel Tower is in', () => save(lm.output));
      }),
    );
    for (const { data } of found) expect(data).toEqual(expected!.data);
  });

  test('in a folder that is named like a file', async () => {
    cpSync(at('gpt2'), at('gpt2.onnx'), { recursive: true });
    const lm = await LanguageModel.load(at('gpt2.onnx'), { device: 'cpu' });
    expect(String(lm)).toContain('lm_head');
  });

  test.each([
    ['nowhere/model.onnx', /place.test.ts:\d+:\d+ - no such file: nowhere\/model\.onnx/],
    ['file:///nowhere/model.onnx', /is a URL: fileURLToPath\(url\) makes a path of it/],
    ['file:///nowhere', /is a URL: fileURLToPath\(url\) makes a path of it/],
    ['', /the path of the model is empty/],
  ])('%j is not there', async (path, says) => {
    await expect(LanguageModel.load(path)).rejects.toThrow(says);
  });

  test('whose files say how long a text may be', async () => {
    writeFileSync(at('gpt2/generation_config.json'), JSON.stringify({ max_length: 12 }));
    const lm = await LanguageModel.load(at('gpt2'), { device: 'cpu' });
    const ids = Array.from({ length: 10 }, (_, i) => 40 + i);
    const lengthOf = async (prompt: number[], options = {}) =>
      (await lm.generate([prompt], { stopTokens: [], ...options })).sequences.dims[1];
    expect(await lengthOf(ids)).toBe(12);
    expect(await lengthOf(ids, { maxNewTokens: 5 })).toBe(15);
    await expect(lengthOf([...ids, 50, 51])).rejects.toThrow(
      /model-place.test.ts:\d+:\d+ - The prompt has 12 tokens, and by max_length of the model's files a text has 12 at most/,
    );
  });

  test('of onnxruntime-genai: the file, tokens and settings that its own configuration names', async () => {
    const lm = await LanguageModel.load(at('repository'), { device: 'cpu', subfolder: 'cpu/int4' });
    const { prompt, greedy } = JSON.parse(readFileSync(fixturePath('genai-llama/gen.json'), 'utf8'));
    expect((await lm.generate(prompt, { maxNewTokens: 8, stopTokens: [] })).tokens).toEqual([greedy]);
    // Its first token is one that ends a text.
    expect((await lm.generate(prompt, { maxNewTokens: 8 })).tokens).toEqual([[greedy[0]]]);
  });

  test('of onnxruntime-genai, whose configuration names a file that is not there', async () => {
    const name = (filename: string) =>
      writeFileSync(at('gpt2-genai/genai_config.json'), JSON.stringify({ model: { decoder: { filename } } }));
    cpSync(at('gpt2'), at('gpt2-genai'), { recursive: true });
    name('decoder.onnx');
    await expect(LanguageModel.load(at('gpt2-genai'))).rejects.toThrow(
      /gpt2-genai.genai_config\.json names the file decoder\.onnx, which is not there/,
    );
    const file = 'onnx/model.onnx';
    const given = [{ file }, { dtype: 'fp32' }, { subfolder: 'onnx' }] as const;
    for (const options of given)
      expect(String(await LanguageModel.load(at('gpt2-genai'), options))).toContain('lm_head');
    for (const named of [file, 'model.onnx']) {
      name(named);
      expect(String(await LanguageModel.load(at('gpt2-genai')))).toContain('lm_head');
    }
  });

  test.each(['pad_token_id', 'eos_token_id'])('whose %s is no token that the model has', async (key) => {
    cpSync(at('gpt2'), at(key), { recursive: true });
    writeFileSync(at(`${key}/generation_config.json`), JSON.stringify({ [key]: 5000 }));
    const lm = await LanguageModel.load(at(key));
    expect((await lm.trace(['When Mary', 'When John'], () => save(lm.output))).dims).toEqual([2, 3, 189]);
    await expect(lm.trace(['When Mary', 'When'], () => save(lm.output))).rejects.toThrow(
      `padded with the token 5000 (${key} of the model's files), but the model's token ids are whole numbers from 0 to 188`,
    );
  });

  test('whose files are no text in UTF-8', async () => {
    cpSync(at('gpt2'), at('latin'), { recursive: true });
    const text = readFileSync(at('gpt2/tokenizer.json'), 'latin1').replace('Rome', 'R\u00f4me');
    writeFileSync(at('latin/tokenizer.json'), text, 'latin1');
    await expect(LanguageModel.load(at('latin'))).rejects.toThrow(
      /latin.tokenizer\.json is damaged: it is no text in UTF-8/,
    );
  });

  // Values of transformers' `decode` with the same tokenizer.
  test.each([
    [[5, 42, 100000, 7], 'Adam Ella Alex'],
    [[5, 189], 'Adam'],
    [[100000], ''],
    [[], ''],
  ])('whose tokenizer has no token for some of the ids %j', async (ids, text) => {
    const lm = await LanguageModel.load(TOY);
    expect(lm.tokenizer.decode(ids)).toBe(text);
  });
});
