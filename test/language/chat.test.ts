import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { renderBounded } from '../../runtime/language/bounded-template.ts';
import { applyChatTemplate, type ChatMessage } from '../../runtime/language/chat.ts';

interface Case {
  readonly template: string;
  readonly name: string;
  readonly messages: readonly ChatMessage[];
  readonly options: { readonly add_generation_prompt?: boolean; readonly tools?: readonly object[] };
  /** Null where the template refuses the messages. */
  readonly text: string | null;
}

const fixture = (path: string) => readFileSync(new URL(`../fixtures/language/${path}`, import.meta.url), 'utf8');
const cases: Case[] = JSON.parse(fixture('chat.json'));
const tokens = { bosToken: '<|endoftext|>', eosToken: '<|endoftext|>' };
const hello = [{ role: 'user', content: 'Hello' }];

test.each(cases)('$template, $name, $options: as transformers', ({ template, messages, options, text }) => {
  const config = { ...tokens, chatTemplates: { default: fixture(`chat/${template}`) } };
  const { add_generation_prompt: addGenerationPrompt = false, tools = [], ...variables } = options;
  const render = () =>
    applyChatTemplate(config, messages, { addGenerationPrompt, variables, ...(tools.length > 0 ? { tools } : {}) });
  if (text === null) expect(render).toThrow('chat template refuses these messages');
  else expect(render()).toBe(text);
});

describe('templates by name', () => {
  const config = { ...tokens, chatTemplates: { default: 'plain', tool_use: 'tools', rag: 'documents' } };

  test('one is chosen, and that for tools where there are tools', () => {
    expect(applyChatTemplate(config, hello)).toBe('plain');
    expect(applyChatTemplate(config, hello, { tools: [{}] })).toBe('tools');
    expect(applyChatTemplate(config, hello, { template: 'rag' })).toBe('documents');
  });

  test('one that is not there', () => {
    expect(() => applyChatTemplate(config, hello, { template: 'poem' })).toThrow(
      'The model has no chat template poem: choose one of default, tool_use, rag.',
    );
  });
});

test('what a template finds besides the messages', () => {
  const text = rendered(
    "{{ true }} {{ none }} {{ range(7, 1, -2) | join(',') }} {{ strftime_now('%Y') }} {{ 1 if False else 2 }}",
  );
  expect(text).toBe(`true  7,5,3 ${new Date().getFullYear()} 2`);
});

function rendered(template: string): string {
  return applyChatTemplate({ ...tokens, chatTemplates: { default: template } }, hello);
}

describe('errors name the line', () => {
  const chatML = { ...tokens, chatTemplates: { default: fixture('chat/chatml.jinja') } };
  const mistral = { ...tokens, chatTemplates: { default: fixture('chat/mistral.jinja') } };

  test.each<[string, () => string, string]>([
    [
      'no template',
      () => applyChatTemplate({ ...tokens, chatTemplates: {} }, hello),
      'The model has no chat template (',
    ],
    ['no messages', () => applyChatTemplate(chatML, []), 'A chat is a list of at least one message { role, content }.'],
    [
      'a text in place of a message',
      () => applyChatTemplate(chatML, [hello[0]!, 'Hello' as unknown as ChatMessage]),
      'Message 1 of the chat has no role and content.',
    ],
    [
      'parts in place of a text',
      () => applyChatTemplate(chatML, [{ role: 'user', content: [{ type: 'text' }] as unknown as string }]),
      'The content of message 0 of the chat is not text: give a string.',
    ],
    [
      'what the template refuses, in its words',
      () => applyChatTemplate(mistral, [...hello, ...hello]),
      'refuses these messages: After the optional system message, roles must alternate user/assistant',
    ],
    [
      'a template that is no Jinja',
      () => applyChatTemplate({ ...tokens, chatTemplates: { default: '{% if %}' } }, hello),
      'refuses these messages: ',
    ],
    [
      'a range without an end',
      () => rendered('{% for i in range(100000000000) %}{{ i }}{% endfor %}'),
      'refuses these messages: it makes a range of 100000000000 numbers, and 1000000 are allowed',
    ],
    [
      'a text that grows without an end',
      () => rendered("{% set n = namespace(a='xx') %}{% for i in range(60) %}{% set n.a = n.a ~ n.a %}{% endfor %}"),
      'refuses these messages: it makes more than 33554432 characters and elements',
    ],
    [
      'parentheses without an end',
      () => rendered(`{{ ${'('.repeat(100_000)}1 }}`),
      'refuses these messages: Maximum call stack size exceeded',
    ],
  ])('%s', (_, render, message) => {
    expect(render).toThrow(message);
    expect(render).toThrow('chat.test.ts:');
  });
});

test('a template that takes too long is ended', () => {
  const slow = '{% for i in range(100000) %}{% for j in range(100000) %}{{ i * j }}{% endfor %}{% endfor %}';
  expect(() => renderBounded(slow, {}, 100)).toThrow(/^it takes longer than 0\.1 seconds$/);
});
