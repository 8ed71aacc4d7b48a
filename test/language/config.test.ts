import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readLanguageConfig } from '../../runtime/language/config.ts';
import { TOY } from '../support/toy.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'config-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const write = (file: string, contents: unknown) =>
  writeFileSync(join(folder, file), typeof contents === 'string' ? contents : JSON.stringify(contents));
const none = {
  maxNewTokens: undefined,
  maxLength: undefined,
  doSample: undefined,
  temperature: undefined,
  topK: undefined,
  topP: undefined,
  repetitionPenalty: undefined,
};

test('the toy GPT-2', () => {
  expect(readLanguageConfig(TOY)).toEqual({
    eosTokenIds: [0],
    bosTokenId: 0,
    padTokenId: null,
    bosToken: '<|endoftext|>',
    eosToken: '<|endoftext|>',
    maxPositions: 64,
    maxPromptTokens: 64,
    decoderStartTokenId: 0,
    tokenRules: null,
    vocabSize: 189,
    chatTemplates: {},
    generation: none,
    whole: JSON.parse(readFileSync(join(TOY, 'config.json'), 'utf8')),
  });
});

// As transformers, which compares tokens with them.
test.each([
  [-1, []],
  [[2, -1], [2]],
])('the end %j of a text is %j', (given, found) => {
  write('config.json', { eos_token_id: 7 });
  write('generation_config.json', { eos_token_id: given });
  expect(readLanguageConfig(folder).eosTokenIds).toEqual(found);
});

test('a folder without these files says nothing', () => {
  expect(readLanguageConfig(folder)).toEqual({
    eosTokenIds: [],
    bosTokenId: null,
    padTokenId: null,
    bosToken: null,
    eosToken: null,
    maxPositions: null,
    maxPromptTokens: null,
    decoderStartTokenId: null,
    tokenRules: null,
    vocabSize: null,
    chatTemplates: {},
    generation: none,
    whole: {},
  });
});

test('a chat model: several ends, tokens as objects, defaults of generation', () => {
  const config = { max_position_embeddings: 131072, vocab_size: 128256, eos_token_id: 128001, pad_token_id: -1 };
  write('config.json', config);
  write('generation_config.json', {
    bos_token_id: 128000,
    eos_token_id: [128001, 128008, 128009],
    pad_token_id: [128004],
    do_sample: true,
    temperature: 0.6,
    top_k: 0,
    top_p: 0.9,
    max_length: 4096,
    repetition_penalty: 1.05,
    transformers_version: '4.42.3',
  });
  write('tokenizer_config.json', {
    bos_token: { __type: 'AddedToken', content: '<|begin_of_text|>', lstrip: false },
    eos_token: '<|eot_id|>',
    chat_template: [
      { name: 'default', template: 'one' },
      { name: 'tool_use', template: 'two' },
    ],
  });
  expect(readLanguageConfig(folder)).toEqual({
    eosTokenIds: [128001, 128008, 128009],
    bosTokenId: 128000,
    padTokenId: 128004,
    bosToken: '<|begin_of_text|>',
    eosToken: '<|eot_id|>',
    maxPositions: 131072,
    maxPromptTokens: 131072,
    decoderStartTokenId: 128000,
    tokenRules: null,
    vocabSize: 128256,
    chatTemplates: { default: 'one', tool_use: 'two' },
    generation: {
      ...none,
      doSample: true,
      temperature: 0.6,
      topP: 0.9,
      maxLength: 4096,
      repetitionPenalty: 1.05,
    },
    whole: config,
  });
});

test.each([
  [{ n_positions: 1024, n_ctx: 512 }, 1024],
  [{ n_ctx: 512 }, 512],
  [{ max_position_embeddings: 2048 }, 2048],
  [{ text_config: { max_position_embeddings: 8192 } }, 8192],
  [{ max_position_embeddings: null, text_config: { max_position_embeddings: 8192 } }, 8192],
])('the longest text: %o', (config, expected) => {
  write('config.json', config);
  expect(readLanguageConfig(folder).maxPositions).toBe(expected);
});

test('a chat template of its own file goes before the one in tokenizer_config.json', () => {
  write('tokenizer_config.json', { chat_template: 'old' });
  expect(readLanguageConfig(folder).chatTemplates).toEqual({ default: 'old' });
  write('chat_template.json', { chat_template: 'newer' });
  expect(readLanguageConfig(folder).chatTemplates).toEqual({ default: 'newer' });
  write('chat_template.jinja', 'newest');
  expect(readLanguageConfig(folder).chatTemplates).toEqual({ default: 'newest' });
});

test.each([
  ['config.json', '{"n_positions": 64', /Expected/],
  ['config.json', [], /expected object, received array/],
  ['config.json', { n_positions: 'many' }, /expected number, received string[\s\S]*at n_positions/],
  ['config.json', { eos_token_id: 'end' }, /at eos_token_id/],
  ['generation_config.json', { temperature: -1 }, /at temperature/],
  ['generation_config.json', { top_p: 2 }, /at top_p/],
  ['tokenizer_config.json', { chat_template: 3 }, /at chat_template/],
])('%s damaged: %o', (file, contents, message) => {
  write(file, contents);
  expect(() => readLanguageConfig(folder)).toThrow(message);
  try {
    readLanguageConfig(folder);
  } catch (error) {
    expect((error as Error).name).toBe('ModelError');
    expect((error as Error).message).toContain(`${join(folder, file)} is damaged: `);
  }
});
