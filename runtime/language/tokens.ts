import type { Tokenizer } from '@huggingface/tokenizers';
import { TraceError } from '../errors.ts';
import { Tensor } from '../tensor/tensor.ts';
import { callerSite } from '../tracing/caller.ts';

/** A text, several, the ids of one row of tokens, of several rows, or an integer tensor [sequence] or [batch, sequence]. */
export type Prompts = string | readonly string[] | readonly number[] | readonly (readonly number[])[] | Tensor<'int64'>;

export interface EncodeOptions {
  /** The longest prompt the model has positions for, in tokens; null where it is not known. */
  readonly maxPositions?: number | null;
  /** How many tokens the model knows; without it ids are checked for being whole numbers from 0 on. */
  readonly vocabSize?: number | null;
  /** Whether texts get the tokenizer's special tokens (true, if not given); a chat template has written them already. */
  readonly addSpecialTokens?: boolean;
}

/**
 * Rows of token ids, one for each prompt; not padded.
 * Throws a `TraceError` at the user's line for an empty prompt, one longer than the model's context, ids that are not
 * tokens of the model, and anything that is not a prompt; in a batch it says which one.
 */
export function encodePrompts(tokenizer: Tokenizer, prompts: Prompts, options: EncodeOptions = {}): number[][] {
  const list = listed(prompts);
  if (list.length === 0) fail('There are no prompts: the list is empty.');
  return list.map((prompt, index) => {
    const name = list.length > 1 ? `Prompt ${index} of the batch` : 'The prompt';
    const row = typeof prompt === 'string' ? encodeText(tokenizer, prompt, name, options) : prompt;
    check(row, name, options);
    return [...row];
  });
}

function listed(prompts: Prompts): readonly (string | readonly number[])[] {
  if (typeof prompts === 'string') return [prompts];
  if (prompts instanceof Tensor) {
    const { dims, dtype } = prompts;
    if (!/^u?int/.test(dtype) || dims.length < 1 || dims.length > 2) {
      fail(`A tensor of token ids has integers and 1 or 2 dimensions, but this one is ${dtype} [${dims.join(', ')}].`);
    }
    const rows = prompts.toArray() as number[] | number[][];
    return dims.length === 1 ? [rows as number[]] : (rows as number[][]);
  }
  if (!Array.isArray(prompts)) fail(`A prompt is a text, token ids or a list of them, but not ${describe(prompts)}.`);
  if (prompts.length > 0 && prompts.every((item) => typeof item === 'number')) return [prompts as number[]];
  prompts.forEach((item: unknown, index) => {
    if (typeof item === 'string' || Array.isArray(item)) return;
    fail(`Prompt ${index} of the batch is ${describe(item)}, but a text or a list of token ids is expected.`);
  });
  return prompts as (string | number[])[];
}

function encodeText(tokenizer: Tokenizer, text: string, name: string, options: EncodeOptions): number[] {
  const ids: number[] = tokenizer.encode(text, { add_special_tokens: false }).ids;
  if (ids.length === 0) {
    fail(`${name} is empty: it has no tokens. To begin with nothing, give the id of a start token, such as [[0]].`);
  }
  if (options.addSpecialTokens === false) return ids;
  return tokenizer.encode(text, { add_special_tokens: true }).ids;
}

function check(row: readonly number[], name: string, { maxPositions, vocabSize }: EncodeOptions): void {
  if (row.length === 0) fail(`${name} is empty: it has no tokens.`);
  const limit = vocabSize ?? Number.MAX_SAFE_INTEGER;
  const wrong = row.findIndex((id) => !Number.isInteger(id) || id < 0 || id >= limit);
  if (wrong >= 0) {
    const expected = vocabSize
      ? `whole numbers from 0 to ${vocabSize - 1}, by vocab_size of its configuration`
      : 'whole numbers from 0 on';
    fail(`${name} has ${describe(row[wrong])} at position ${wrong}, but the model's token ids are ${expected}.`);
  }
  if (maxPositions && row.length > maxPositions) {
    fail(`${name} has ${row.length} tokens, but the model's context holds ${maxPositions}: shorten it.`);
  }
}

function describe(value: unknown): string {
  if (typeof value === 'number') return String(value);
  return value === null ? 'null' : Array.isArray(value) ? 'a list' : `a value of type ${typeof value}`;
}

function fail(message: string): never {
  throw new TraceError(message, callerSite());
}
