import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { Tensor } from 'onnsight';
import { describe, expect, test } from 'vitest';
import { batchRows } from '../../runtime/inputs/batch.ts';
import { encodePrompts, type Prompts } from '../../runtime/language/tokens.ts';
import { reference, TOY } from '../support/toy.ts';

const json = (file: string) => JSON.parse(readFileSync(join(TOY, file), 'utf8'));
const tokenizer = new Tokenizer(json('tokenizer.json'), json('tokenizer_config.json'));
const limits = { maxPositions: 64, vocabSize: 189 };

describe('prompts', () => {
  // What Python's tokenizer gives for it; 0 is the start token that it puts first.
  const mary = [0, 141, 88, 145];

  test.each<[string, Prompts, number[][]]>([
    ['a text', 'When Mary and', [mary]],
    ['texts', ['When Mary and', 'When'], [mary, [0, 141]]],
    ['one row of ids', [141, 88], [[141, 88]]],
    ['rows of ids', [[141, 88], [7]], [[141, 88], [7]]],
    [
      'a tensor',
      Tensor.from(
        [
          [141, 88],
          [7, 8],
        ],
        'int64',
      ),
      [
        [141, 88],
        [7, 8],
      ],
    ],
    ['a flat tensor', Tensor.from([141, 88], 'int64'), [[141, 88]]],
  ])('%s', (_, prompts, rows) => {
    expect(encodePrompts(tokenizer, prompts, limits)).toEqual(rows);
  });

  test('texts that have their special tokens already', () => {
    expect(encodePrompts(tokenizer, 'When Mary and', { addSpecialTokens: false })).toEqual([mary.slice(1)]);
  });

  test('the reference prompt has as many tokens as in PyTorch', () => {
    const { clean } = reference.prompts;
    expect(encodePrompts(tokenizer, clean, limits)[0]).toHaveLength(clean.split(' ').length + 1);
  });

  const long = (length: number) => new Array<string>(length).fill('Mary').join(' ');
  test.each<[string, unknown, string]>([
    ['empty', '', 'The prompt is empty: it has no tokens.'],
    ['blank', '  ', 'The prompt is empty: it has no tokens.'],
    ['empty in a batch', ['When', ''], 'Prompt 1 of the batch is empty: it has no tokens.'],
    ['no ids in a batch', [[1], [2], []], 'Prompt 2 of the batch is empty: it has no tokens.'],
    ['no prompts', [], 'There are no prompts: the list is empty.'],
    ['too long', long(64), "The prompt has 65 tokens, but the model's context holds 64: shorten it."],
    ['too long in a batch', ['When', long(70)], 'Prompt 1 of the batch has 71 tokens'],
    [
      'ids out of range',
      [3, 189],
      "The prompt has 189 at position 1, but the model's token ids are whole numbers from 0 to 188, by vocab_size of its configuration.",
    ],
    ['a negative id', [[3], [-1]], 'Prompt 1 of the batch has -1 at position 0'],
    ['a fraction', [0.5], 'The prompt has 0.5 at position 0'],
    ['a text among ids', [[3, 'a']], 'The prompt has a value of type string at position 1'],
    ['ids beside texts', ['When', 3], 'Prompt 1 of the batch is 3, but a text or a list of token ids is expected.'],
    ['an object', {}, 'A prompt is a text, token ids or a list of them, but not a value of type object.'],
    ['a float tensor', Tensor.from([0.5]), 'but this one is float32 [1].'],
    ['a tensor of too many dimensions', Tensor.from([[[1]]], 'int64'), 'but this one is int64 [1, 1, 1].'],
  ])('%s: an error at the line', (_, prompts, message) => {
    expect(() => encodePrompts(tokenizer, prompts as Prompts, limits)).toThrow(message);
    expect(() => encodePrompts(tokenizer, prompts as Prompts, limits)).toThrow('tokens.test.ts:');
  });

  test('as long as the context is not too long', () => {
    expect(encodePrompts(tokenizer, long(63), limits)[0]).toHaveLength(64);
  });
});

describe('a batch', () => {
  const batch = batchRows([[5, 6, 7], [8], [9, 10]], 2, 'left');

  test('shorter rows are filled up on the left', () => {
    expect(batch.input_ids.dtype).toBe('int64');
    expect(batch.input_ids.toArray()).toEqual([
      [5, 6, 7],
      [2, 2, 8],
      [2, 9, 10],
    ]);
    expect(batch.attention_mask.dtype).toBe('int64');
    expect(batch.attention_mask.toArray()).toEqual([
      [1, 1, 1],
      [0, 0, 1],
      [0, 1, 1],
    ]);
  });

  test('one row needs no padding', () => {
    const one = batchRows([[5, 6]], 0, 'right');
    expect(one.input_ids.toArray()).toEqual([[5, 6]]);
    expect(one.attention_mask.toArray()).toEqual([[1, 1]]);
  });
});
