import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LanguageModel } from 'onnsight';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StopTexts } from '../../server/stop-texts.ts';
import { modelPath } from '../support/fixtures.ts';

// biome-ignore lint/suspicious/noExplicitAny: JSON of an answer.
type Json = any;

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PROMPT = 'When Mary and John went to the store , John gave a drink to';

/** A project of an operator: the toy with a template for chats, and a file of edits. */
const folder = mkdtempSync(join(tmpdir(), 'onnsight-completions-'));
const toy = join(folder, 'toy');
let server: ChildProcess;
let url: string;
let lm: LanguageModel;

beforeAll(async () => {
  cpSync(join(ROOT, 'models/toy-gpt2'), toy, { recursive: true });
  const config = join(toy, 'tokenizer_config.json');
  const chat_template = "{% for m in messages %}{{ m['content'] }} {% endfor %}";
  writeFileSync(config, JSON.stringify({ ...JSON.parse(readFileSync(config, 'utf8')), chat_template }));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(ROOT, join(folder, 'node_modules/onnsight'));
  writeFileSync(
    join(folder, 'edits.mts'),
    `import type { LanguageModel } from 'onnsight';
export const dampened = async (lm: LanguageModel) => lm.edit(() => { lm.transformer.h[2].output *= -1; });
// Nobody awaits it: the process of the model goes on.
Promise.reject('left behind by edits.mts');
`,
  );
  lm = await LanguageModel.load(toy, { device: 'cpu' });
  const args = ['serve', 'toy', `mlp=${modelPath('zoo/mlp', 'ts')}`, '--edits', 'edits.mts', '--port', '0', '--quiet'];
  server = spawn(process.execPath, [join(ROOT, 'dist/plugin/cli/main.js'), ...args, '--limit', 'models=1'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [printed] = await once(server.stdout!.setEncoding('utf8'), 'data');
  url = /^(http\S+) serves toy,/.exec(printed)![1]!;
}, 60_000);
afterAll(() => {
  server.kill('SIGTERM');
  rmSync(folder, { recursive: true });
});

async function post(path: string, body: object): Promise<{ status: number; answer: Json }> {
  const response = await fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: response.status, answer: await response.json() };
}

/** The events of a stream, without the last one. */
async function stream(path: string, body: object): Promise<Json[]> {
  const response = await fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...body, stream: true }),
  });
  expect(response.headers.get('content-type')).toBe('text/event-stream');
  const events = (await response.text()).trimEnd().split('\n\n');
  expect(events.pop()).toBe('data: [DONE]');
  return events.map((event) => JSON.parse(event.replace(/^data: /, '')));
}

const greedy = { model: 'toy', temperature: 0, max_tokens: 2 };

describe('completions, as OpenAI has them', () => {
  it('are what generate gives here; with an edit by its name, what the edited model gives', async () => {
    const { texts } = await lm.generate(PROMPT, { maxNewTokens: 2, doSample: false });
    const { answer } = await post('/v1/completions', { ...greedy, prompt: PROMPT });
    expect(answer).toMatchObject({
      object: 'text_completion',
      model: 'toy',
      choices: [{ index: 0, text: texts[0], finish_reason: 'length', logprobs: null }],
      usage: { prompt_tokens: 15, completion_tokens: 2, total_tokens: 17 },
    });
    const { answer: ofList } = await post('/v1/completions', { ...greedy, prompt: [PROMPT] });
    expect(ofList.choices).toEqual(answer.choices);
    const edited = lm.edit(() => {
      lm.transformer.h[2].output *= -1;
    });
    const other = await edited.generate(PROMPT, { maxNewTokens: 2, doSample: false });
    expect(other.texts).not.toEqual(texts);
    const { answer: withEdit } = await post('/v1/completions', { ...greedy, model: 'toy:dampened', prompt: PROMPT });
    expect(withEdit.choices[0].text).toBe(other.texts[0]);
  });

  it('with a seed are drawn as here, and end at a text that they do not have', async () => {
    const { texts } = await lm.generate(PROMPT, {
      maxNewTokens: 20,
      doSample: true,
      temperature: 0.7,
      topP: 0.9,
      seed: 3,
    });
    const asked = { model: 'toy', prompt: PROMPT, max_tokens: 20, temperature: 0.7, top_p: 0.9, seed: 3 };
    const { answer } = await post('/v1/completions', asked);
    expect(answer.choices[0].text).toBe(texts[0]);
    expect(answer.choices[0].finish_reason).toBe('stop');
    const stop = texts[0]!.at(-1)!;
    const { answer: stopped } = await post('/v1/completions', { ...asked, stop });
    expect(stopped.choices[0]).toMatchObject({
      text: texts[0]!.slice(0, texts[0]!.indexOf(stop)),
      finish_reason: 'stop',
    });
    expect(stopped.usage.completion_tokens).toBe(answer.usage.completion_tokens - 1);
  });

  it('stream piece by piece, with the usage at the end where it is asked for', async () => {
    const { answer } = await post('/v1/completions', { ...greedy, prompt: PROMPT });
    const events = await stream('/v1/completions', {
      ...{ ...greedy, prompt: PROMPT },
      stream_options: { include_usage: true },
    });
    const usage = events.pop();
    expect(usage).toMatchObject({ choices: [], usage: answer.usage });
    expect(events).toHaveLength(3);
    expect(events.map(({ choices }) => choices[0].text).join('')).toBe(answer.choices[0].text);
    expect(events.at(-1).choices[0].finish_reason).toBe('length');
  });

  it('chats go through the template of the model', async () => {
    const messages = [{ role: 'user', content: [{ type: 'text', text: PROMPT }] }];
    const { texts } = await lm.generate([{ role: 'user', content: PROMPT }], { maxNewTokens: 2, doSample: false });
    const { answer } = await post('/v1/chat/completions', { ...greedy, messages });
    expect(answer).toMatchObject({
      object: 'chat.completion',
      choices: [{ message: { role: 'assistant', content: texts[0] }, finish_reason: 'length' }],
    });
    const [first, ...pieces] = await stream('/v1/chat/completions', { ...greedy, messages });
    expect(first.object).toBe('chat.completion.chunk');
    expect(first.choices[0].delta).toEqual({ role: 'assistant', content: '' });
    expect(pieces.map(({ choices }) => choices[0].delta.content ?? '').join('')).toBe(texts[0]);
  });

  it.each<[string, number, object, RegExp]>([
    ['a model that there is not', 404, { model: 'gpt-5' }, /^There is no language model 'gpt-5': there is toy\.$/],
    ['a model of no language', 404, { model: 'mlp' }, /^There is no language model 'mlp'/],
    ['an edit that there is not', 404, { model: 'toy:calm' }, /^There is no edit 'calm': there is dampened\.$/],
    ['an option that would be ignored', 400, { logit_bias: { 5: 1 } }, /Unrecognized key: "logit_bias"/],
    ['more than one choice', 400, { n: 2 }, /2 is not served: leave it out, or send 1\n.*at n$/],
    [
      'more than one prompt',
      400,
      { prompt: [PROMPT, PROMPT] },
      /one prompt at a time: a text, or the ids of its tokens/,
    ],
    ['probabilities of tokens', 400, { logprobs: 2 }, /2 is not served: leave it out, or send null/],
    ['tokens that are none of the model', 400, { prompt: [5, 9999] }, /9999/],
    ['more than the context holds', 400, { max_tokens: 1000 }, /the model's context holds 64/],
  ])('%s is refused', async (_, code, change, says) => {
    const { status, answer } = await post('/v1/completions', { ...greedy, prompt: PROMPT, ...change });
    expect(answer.error).toMatchObject({ message: expect.stringMatching(says), type: 'invalid_request_error' });
    expect(status).toBe(code);
  });

  it('the list of models', async () => {
    const list = (await (await fetch(`${url}/v1/models`)).json()) as Json;
    expect(list.data.map(({ id }: Json) => id)).toEqual(['toy']);
  });
});

it('a text is let through up to one of some others, however it comes', () => {
  for (const pieces of [['on', 'e ', 'two three'], [...'one two three'], ['one two three']]) {
    const stops = new StopTexts(['two', 'threes', ' t!']);
    expect(pieces.map((piece) => stops.push(piece)).join('') + stops.end()).toBe('one ');
    expect(stops.found).toBe(true);
  }
  const open = new StopTexts(['end']);
  expect([open.push('an e'), open.push('n'), open.end(), open.found]).toEqual(['an ', '', 'en', false]);
});
