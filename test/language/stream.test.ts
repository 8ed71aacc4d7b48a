import { readFileSync } from 'node:fs';
import { Tokenizer } from '@huggingface/tokenizers';
import { describe, expect, test } from 'vitest';
import { createTokenStream, decodeTokens } from '../../runtime/language/stream.ts';

interface Kind {
  readonly name: string;
  readonly tokenizer: object;
  readonly texts: readonly string[];
  readonly cases: readonly { readonly ids: number[]; readonly text: string; readonly withSpecial: string }[];
}

const path = new URL('../fixtures/language/tokenizers.json', import.meta.url);
const kinds: Kind[] = JSON.parse(readFileSync(path, 'utf8'));

describe.each(kinds)('a $name tokenizer', ({ tokenizer: json, texts, cases }) => {
  const tokenizer = new Tokenizer(json, {});
  const pieces = (ids: readonly number[], options = {}) => {
    const stream = createTokenStream(tokenizer, options);
    return [...ids.map((id: number) => stream.push(id)), stream.end()];
  };

  test('texts have the ids that Python gives them', () => {
    expect(texts.map((text) => tokenizer.encode(text).ids)).toEqual(cases.slice(0, texts.length).map(({ ids }) => ids));
  });

  test('the pieces of a stream, joined, are the text that Python decodes', () => {
    expect(cases.map(({ ids }) => pieces(ids).join(''))).toEqual(cases.map(({ text }) => text));
    const withSpecial = cases.map(({ ids }) => pieces(ids, { skipSpecialTokens: false }).join(''));
    expect(withSpecial).toEqual(cases.map(({ withSpecial }) => withSpecial));
  });

  test('the whole is that text too', () => {
    expect(cases.map(({ ids }) => decodeTokens(tokenizer, ids))).toEqual(cases.map(({ text }) => text));
  });

  test('no piece of a text has half a character', () => {
    for (const { ids } of cases.slice(0, texts.length)) expect(pieces(ids).join('|')).not.toContain('\ufffd');
  });
});

describe('pieces', () => {
  const [byteLevel] = kinds;
  const tokenizer = new Tokenizer(byteLevel!.tokenizer, {});

  test('text comes as soon as it is whole', () => {
    // The tokenizer has one token for the first two of the four bytes.
    const { ids } = tokenizer.encode('a🦊b');
    const stream = createTokenStream(tokenizer);
    expect(ids.map((id: number) => stream.push(id))).toEqual(['a', '', '', '🦊', 'b']);
    expect(stream.end()).toBe('');
  });

  test('a character that stays incomplete comes at the end', () => {
    const ids = tokenizer.encode('a🦊').ids.slice(0, -1);
    const stream = createTokenStream(tokenizer);
    expect(ids.map((id: number) => stream.push(id)).join('')).toBe('a');
    expect(stream.end()).toBe('\ufffd');
    expect(stream.end()).toBe('');
  });

  test('no tokens are no text', () => {
    expect(decodeTokens(tokenizer, [])).toBe('');
    expect(createTokenStream(tokenizer).end()).toBe('');
  });
});
