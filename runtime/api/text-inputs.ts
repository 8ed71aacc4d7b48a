import type { Tokenizer } from '@huggingface/tokenizers';
import { batchRows } from '../inputs/batch.ts';
import { ATTENTION_MASK, TOKEN_IDS } from '../inputs/convention.ts';
import { InputError, type Inputs } from '../inputs/signature.ts';
import { applyChatTemplate, type ChatMessage } from '../language/chat.ts';
import type { LanguageConfig } from '../language/config.ts';
import { type PaddingSide, paddingSide, sideFault } from '../language/padding-side.ts';
import { encodePrompts, type Prompts } from '../language/tokens.ts';
import type { OnnxModel } from '../onnx/model.ts';
import { seesMask } from '../onnx/seen-mask.ts';
import { Tensor } from '../tensor/tensor.ts';
import { isPlainObject } from '../tracing/plain-object.ts';
import { type InputMaker, PlainInputs } from './input-maker.ts';

/** Inputs of a language model: a text or several, a conversation, token ids, or inputs by name. */
export class TextInputs implements InputMaker {
  readonly #model: OnnxModel;
  readonly #plain: PlainInputs;
  readonly #tokenizer: Tokenizer;
  readonly #config: LanguageConfig;
  readonly #side: PaddingSide;

  constructor(model: OnnxModel, tokenizer: Tokenizer, config: LanguageConfig) {
    this.#model = model;
    this.#plain = new PlainInputs(model);
    this.#side = paddingSide(model, config.whole);
    this.#tokenizer = tokenizer;
    this.#config = config;
  }

  prepare(inputs: unknown): Inputs {
    if (isPlainObject(inputs) || inputs === null || inputs === undefined) return this.#plain.prepare(inputs);
    const isChat = isConversation(inputs);
    // Wrong prompts are an error when they are encoded.
    const prompts = isChat
      ? applyChatTemplate(this.#config, inputs, { addGenerationPrompt: true })
      : (inputs as Prompts);
    const { maxPromptTokens: maxPositions, vocabSize } = this.#config;
    return this.#pad(encodePrompts(this.#tokenizer, prompts, { maxPositions, vocabSize, addSpecialTokens: !isChat }));
  }

  batch(list: readonly Inputs[]): Inputs {
    const isText = list.every((inputs) => Object.keys(inputs).every((name) => TEXT_INPUTS.has(name)));
    return isText ? this.#pad(list.flatMap(unpadded)) : this.#plain.batch(list);
  }

  /** Why there can be no padding; null if there can. */
  #fault(hasMask: boolean): string | null {
    if (!hasMask) return `the model has no ${ATTENTION_MASK}, so padding would be seen`;
    const isSeen = seesMask(this.#model, ATTENTION_MASK);
    return (
      sideFault(this.#side) ?? (isSeen ? null : `its attention reads no ${ATTENTION_MASK}, so padding would be seen`)
    );
  }

  /** Rows of tokens as inputs, padded to one length. */
  #pad(rows: readonly (readonly number[])[]): Inputs {
    const { padTokenId, eosTokenIds, vocabSize } = this.#config;
    const hasMask = this.#model.inputs.some(({ name }) => name === ATTENTION_MASK);
    const isUneven = rows.some(({ length }) => length !== rows[0]!.length);
    const fault = isUneven ? this.#fault(hasMask) : null;
    if (fault !== null) {
      throw new InputError(
        `The prompts have ${rows.map(({ length }) => length).join(', ')} tokens and cannot be batched: ${fault}. Give prompts of one length, or a trace for each.`,
      );
    }
    const padding = padTokenId ?? eosTokenIds[0] ?? 0;
    if (isUneven && vocabSize !== null && padding >= vocabSize) {
      throw new InputError(
        `The shorter prompts are padded with the token ${padding} (${padTokenId === null ? 'eos_token_id' : 'pad_token_id'} of the model's files), but the model's token ids are whole numbers from 0 to ${vocabSize - 1}. Mend that file, or give prompts of one length.`,
      );
    }
    const side = this.#side === 'right' ? 'right' : 'left';
    const { [TOKEN_IDS]: ids, [ATTENTION_MASK]: mask } = batchRows(rows, padding, side);
    return { [TOKEN_IDS]: ids, ...(hasMask && { [ATTENTION_MASK]: mask }) };
  }
}

/** The inputs that a prompt becomes. */
const TEXT_INPUTS = new Set<string>([TOKEN_IDS, ATTENTION_MASK]);

function isConversation(inputs: unknown): inputs is readonly ChatMessage[] {
  return Array.isArray(inputs) && isPlainObject(inputs[0]) && 'role' in inputs[0];
}

/** The rows of tokens in inputs, without their padding. */
function unpadded({ [TOKEN_IDS]: ids, [ATTENTION_MASK]: mask }: Inputs): number[][] {
  const table = (data: unknown) =>
    (Tensor.from(data as number[]).toArray() as number[][]).map((row) => row.map(Number));
  const masks = mask === undefined ? null : table(mask);
  return table(ids).map((row, i) => row.filter((_, j) => !masks || masks[i]![j] !== 0));
}
