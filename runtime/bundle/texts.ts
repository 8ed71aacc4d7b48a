import { batchRows, type TokenBatch } from '../inputs/batch.ts';
import { ATTENTION_MASK, TOKEN_IDS } from '../inputs/convention.ts';
import { InputError, type Inputs } from '../inputs/signature.ts';
import { DECODER_TOKEN_IDS } from '../onnx/encoder-decoder-names.ts';
import type { TensorData } from '../tensor/tensor.ts';
import type { Tokenizer } from '../types/tokenizer.ts';
import { BundleError } from './error.ts';
import type { BundleFile, Manifest } from './manifest-types.ts';

/** A text, or several: a row of tokens each. */
export type Texts = string | readonly string[];

/** What a bundle runs on: data by the names of inputs and parameters; with a tokenizer also `text`, or texts alone. */
export type BundleInputs = Texts | Readonly<Record<string, TensorData | Texts | undefined>>;

type TokenizerEntry = NonNullable<Manifest['tokenizer']>;

/** The mask is left out where the model has none. */
type TextTokens = Pick<TokenBatch, typeof TOKEN_IDS> & Partial<TokenBatch>;

/** The tokenizer of a bundle; null if it has none. */
export async function openTokenizer(
  { name, tokenizer }: Manifest,
  read: (file: BundleFile) => Promise<Uint8Array>,
): Promise<Tokenizer | null> {
  if (!tokenizer) return null;
  const [file, config] = await Promise.all(
    [tokenizer.file, tokenizer.config].map(async (one) => JSON.parse(new TextDecoder().decode(await read(one)))),
  );
  // Only bundles that have a tokenizer wait for it.
  const { Tokenizer } = await import('@huggingface/tokenizers');
  try {
    return new Tokenizer(file, config) as Tokenizer;
  } catch (error) {
    throw new BundleError(`The tokenizer of the bundle '${name}' cannot be used: ${error}`, { cause: error });
  }
}

/** The inputs by name: texts among them have become tokens. Throws an InputError for texts that cannot. */
export function withTokens(given: BundleInputs, manifest: Manifest, tokenizer: Tokenizer | null): Inputs {
  const isTexts = typeof given === 'string' || (Array.isArray(given) && given.some((one) => typeof one === 'string'));
  const named = isTexts
    ? { text: given as Texts }
    : (given as Readonly<Record<string, TensorData | Texts | undefined>>);
  const isText = [...manifest.inputs, ...manifest.parameters].some(({ name }) => name === 'text');
  if (isText || named?.text === undefined) return named as Inputs;
  const { text, ...rest } = named;
  if (!tokenizer || !manifest.tokenizer) {
    throw new InputError(
      `The bundle '${manifest.name}' has no tokenizer: give ${TOKEN_IDS}, or compile it with --tokenizer.`,
    );
  }
  const double = [TOKEN_IDS, ATTENTION_MASK].find((name) => rest[name] !== undefined);
  if (double !== undefined) throw new InputError(`Both text and ${double} are given, and the text makes ${double}.`);
  const tokens = tokensOf(text, tokenizer, manifest, manifest.tokenizer);
  return { ...startOf(tokens, manifest.tokenizer), ...rest, ...tokens } as Inputs;
}

/** The first token of a decoder for each row; nothing where there is none. */
function startOf({ [TOKEN_IDS]: ids }: TextTokens, { start }: TokenizerEntry): Inputs {
  if (start === undefined) return {};
  return { [DECODER_TOKEN_IDS]: Array.from({ length: ids.dims[0]! }, () => [start]) };
}

function tokensOf(
  text: unknown,
  tokenizer: Tokenizer,
  { inputs }: Manifest,
  { pad, longest, side = 'left' }: TokenizerEntry,
): TextTokens {
  const texts: readonly unknown[] = Array.isArray(text) ? text : [text];
  const rows = texts.map((one, i) => {
    const which = texts.length === 1 ? 'The text' : `Text ${i}`;
    if (typeof one !== 'string') throw new InputError(`${which} is not a text, but ${typeof one}.`);
    if (tokenizer.encode(one, { add_special_tokens: false }).ids.length === 0) {
      throw new InputError(`${which} is empty: it has no tokens.`);
    }
    const { ids } = tokenizer.encode(one);
    if (longest !== null && ids.length > longest) {
      throw new InputError(`${which} has ${ids.length} tokens, but the model's context holds ${longest}: shorten it.`);
    }
    return ids;
  });
  if (rows.length === 0) throw new InputError('There are no texts: the list is empty.');
  const { [TOKEN_IDS]: ids, [ATTENTION_MASK]: mask } = batchRows(rows, pad, side === 'right' ? side : 'left');
  const isMasked = inputs.some(({ name, used }) => name === ATTENTION_MASK && used);
  if (rows.every(({ length }) => length === rows[0]!.length) || (isMasked && side !== 'none'))
    return { [TOKEN_IDS]: ids, ...(isMasked && { [ATTENTION_MASK]: mask }) };
  const reason = isMasked
    ? 'would take padding for part of a text'
    : `has no ${ATTENTION_MASK}, so padding would be seen`;
  throw new InputError(
    `The texts have ${rows.map(({ length }) => length).join(', ')} tokens and cannot be one batch: the model ${reason}. Give texts of one length, or one at a time.`,
  );
}
