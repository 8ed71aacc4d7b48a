import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { z } from 'zod';
import { batchRows } from '../inputs/batch.ts';
import { ATTENTION_MASK, TOKEN_IDS } from '../inputs/convention.ts';
import { InputError, type Inputs } from '../inputs/prepare.ts';
import { applyChatTemplate, type ChatMessage, type ChatOptions } from '../language/chat.ts';
import { type LanguageConfig, readLanguageConfig } from '../language/config.ts';
import { type HubOptions, modelFolder } from '../language/hub.ts';
import { readJson } from '../language/json-file.ts';
import { chooseModelFile, filesUnder } from '../language/model-files.ts';
import { createTokenStream, decodeTokens, type TokenStream } from '../language/stream.ts';
import { encodePrompts, type Prompts } from '../language/tokens.ts';
import { ModelError } from '../onnx/error.ts';
import { readModel } from '../onnx/read.ts';
import { ort } from '../ort/ort.ts';
import type { Device } from '../ort/port.ts';
import { Tensor } from '../tensor/tensor.ts';
import { laterSite } from '../tracing/caller.ts';
import { isPlainObject } from '../tracing/plain-object.ts';
import { type Block, checkCompiled, checkOutside } from './blocks.ts';
import type { NewToken } from './decoding.ts';
import { generate } from './generate.ts';
import { type GenerateOptions, isGenerateOptions, readGenerateOptions } from './generate-options.ts';
import { ModelMap } from './locate.ts';
import { type LoadOptions, Model } from './model.ts';
import type { StepTracer } from './step-tracer.ts';

export type LanguageLoadOptions = LoadOptions & HubOptions;

type GenerateBlock = Block<[StepTracer]>;

/** A language model: texts can stand where inputs are asked for, and it generates. */
export class LanguageModelCore extends Model {
  readonly tokenizer: Tokenizer;
  readonly config: LanguageConfig;

  constructor(map: ModelMap, device: Device, options: LoadOptions, tokenizer: Tokenizer, config: LanguageConfig) {
    super(map, device, options);
    this.tokenizer = tokenizer;
    this.config = config;
  }

  /** A conversation as the text that the model was trained on, special tokens included. */
  chatText(messages: readonly ChatMessage[], options: ChatOptions = {}): string {
    return applyChatTemplate(this.config, messages, { addGenerationPrompt: true, ...options });
  }

  /**
   * Generates tokens one by one. The block is traced once, over all steps. Called with options and a block, the block
   * gives the prompts by `tracer.invoke`.
   */
  generate(prompt: unknown, options?: GenerateOptions | GenerateBlock, block?: GenerateBlock): Promise<unknown> {
    checkOutside('A generation');
    return this.runGeneration(prompt, options, block);
  }

  private async runGeneration(prompt: unknown, options?: GenerateOptions | GenerateBlock, block?: GenerateBlock) {
    const site = laterSite();
    const isInvokes = typeof options === 'function' && isGenerateOptions(prompt);
    const given = isInvokes ? prompt : typeof options === 'function' ? {} : options;
    const body = typeof options === 'function' ? options : block;
    if (body) checkCompiled(body);
    await this.prepareFormulas();
    const inputs = isInvokes ? null : this.prepare(prompt);
    const streams = new Map<number, TokenStream>();
    const read = readGenerateOptions(given ?? {}, this.config, inputs && lengthOf(inputs));
    const { onToken } = given ?? {};
    const generated = await generate(
      this,
      inputs,
      body ?? null,
      {
        ...read,
        ...(onToken && {
          onToken: ({ id, row, step }: NewToken) => {
            const stream = streams.get(row) ?? createTokenStream(this.tokenizer);
            streams.set(row, stream);
            onToken({ id, row, step, text: stream.push(id) });
          },
        }),
      },
      site,
    );
    return { ...generated, texts: generated.tokens.map((ids) => decodeTokens(this.tokenizer, ids)) };
  }

  override get pads(): boolean {
    return true;
  }

  protected override toInputs(inputs: unknown): Inputs {
    if (isPlainObject(inputs) || inputs === null || inputs === undefined) return inputs as Inputs;
    const isChat = Array.isArray(inputs) && isPlainObject(inputs[0]) && 'role' in inputs[0];
    const prompts = isChat ? this.chatText(inputs as ChatMessage[]) : (inputs as Prompts);
    const { maxPositions, vocabSize } = this.config;
    return this.pad(encodePrompts(this.tokenizer, prompts, { maxPositions, vocabSize, addSpecialTokens: !isChat }));
  }

  protected override joinInputs(list: readonly Inputs[]): Inputs {
    const isText = list.every((inputs) => Object.keys(inputs).every((name) => TEXT_INPUTS.has(name)));
    return isText ? this.pad(list.flatMap(unpadded)) : super.joinInputs(list);
  }

  /** Rows of tokens as inputs, padded on the left. */
  private pad(rows: readonly (readonly number[])[]): Inputs {
    const { [TOKEN_IDS]: ids, [ATTENTION_MASK]: mask } = batchRows(rows, this.padTokenId);
    const hasMask = this.map.model.inputs.some(({ name }) => name === ATTENTION_MASK);
    if (!hasMask && rows.some(({ length }) => length !== rows[0]!.length)) {
      throw new InputError(
        `The prompts have ${rows.map(({ length }) => length).join(', ')} tokens and cannot be batched: the model has no ${ATTENTION_MASK}, so that padding would be seen. Give prompts of one length, or a trace for each.`,
      );
    }
    return { [TOKEN_IDS]: ids, ...(hasMask && { [ATTENTION_MASK]: mask }) } as Inputs;
  }

  private get padTokenId(): number {
    return this.config.padTokenId ?? this.config.eosTokenIds[0] ?? 0;
  }
}

/** What a prompt is made into. */
const TEXT_INPUTS = new Set<string>([TOKEN_IDS, ATTENTION_MASK]);

function lengthOf({ [TOKEN_IDS]: ids }: Inputs): number | null {
  return ids === undefined ? null : (Tensor.from(ids as number[]).dims[1] ?? null);
}

/** The rows of tokens in inputs, without their padding. */
function unpadded({ [TOKEN_IDS]: ids, [ATTENTION_MASK]: mask }: Inputs): number[][] {
  const table = (data: unknown) =>
    (Tensor.from(data as number[]).toArray() as number[][]).map((row) => row.map(Number));
  const masks = mask === undefined ? null : table(mask);
  return table(ids).map((row, i) => row.filter((_, j) => !masks || masks[i]![j] !== 0));
}

/** Opens language models. */
export const LanguageModel = {
  /**
   * Opens a folder with an .onnx file, `tokenizer.json` and `tokenizer_config.json`, as published models have them, or
   * a model of the Hugging Face hub, `owner/name`, which is downloaded once into the usual cache.
   * Throws a `ModelError` that names what is missing.
   */
  async load(pathOrHubId: string, options: LanguageLoadOptions = {}): Promise<unknown> {
    const folder = await modelFolder(pathOrHubId, options);
    const file = chooseModelFile(filesUnder(folder), folder, options.file);
    const tokenizer = new Tokenizer(
      tokenizerFile(folder, 'tokenizer.json'),
      tokenizerFile(folder, 'tokenizer_config.json'),
    );
    const config = readLanguageConfig(folder);
    const map = new ModelMap(await readModel(join(folder, file)));
    const device = await ort.chooseDevice(options.device ?? 'auto');
    return new LanguageModelCore(map, device, options, tokenizer, config).asModule();
  },
};

function tokenizerFile(folder: string, name: string): object {
  const path = join(folder, name);
  const found = readJson(path, z.looseObject({}));
  if (!found) throw new ModelError(`${path} is missing: a language model needs its tokenizer`);
  return found;
}
