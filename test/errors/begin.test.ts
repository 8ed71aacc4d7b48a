import { LanguageModel, NNsight, save, tensor } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { lm, marked, rejection, thrown } from './support.ts';

const { lineOf, traceFails } = marked(import.meta.url);
const place = (mark: string) => new RegExp(`^test/errors/begin\\.test\\.ts:${lineOf(mark)}:\\d+ - `);

describe('what a program begins with that is not there', () => {
  it('a file', async () => {
    const error = await rejection(
      NNsight.load('nothing.onnx'), // @file
    );
    expect(error).toMatchObject({ name: 'ModelError', code: 'ONN2003' });
    expect(error.message).toMatch(place('file'));
    expect(error.message).toMatch(/no such file: nothing\.onnx/);
  });

  it('a folder', async () => {
    const error = await rejection(
      LanguageModel.load('./nothing'), // @folder
    );
    expect(error.message).toMatch(place('folder'));
  });

  it('a module with a dot behind it', () => {
    expect(thrown(() => lm.get('transformer.')).message).toMatch(
      /no module transformer\.: transformer has wte, wpe, h, ln_f; did you mean transformer\?/,
    );
  });

  it('a start value of another shape', () =>
    traceFails(
      lm.trace({ input_ids: [[1, 2, 3]], 'transformer.h.1.output': tensor([[1, 2]]) }, () => save(lm.lm_head.output)), // @start
      'start',
      /transformer\.h\.1\.output has dims \[1,3,128\] and cannot be set to a tensor of dims \[1,2\]/,
    ));

  it('tokens that are none', () => {
    expect(thrown(() => lm.tokenizer.decode([1.5])).message).toMatch(
      /ids of tokens, whole numbers from 0 on, not 1\.5/,
    );
    expect(thrown(() => lm.tokenizer.decode([-1])).message).toMatch(/ids of tokens, whole numbers from 0 on, not -1/);
  });
});
