import type { Tokenizer } from '@huggingface/tokenizers';
import { applyChatTemplate, type ChatMessage, type ChatOptions } from '../language/chat.ts';
import type { LanguageConfig } from '../language/config.ts';
import { createTokenStream, decodeTokens, type TokenStream } from '../language/stream.ts';
import { laterSite } from '../tracing/caller.ts';
import type { NewToken } from '../types/backend.ts';
import type { Generated, GenerateOptions, StepTracer } from '../types/generation.ts';
import type { InputHooks } from '../types/input-hooks.ts';
import type { LanguageModelMembers, Prompt } from '../types/model.ts';
import { checkOutside } from './blocks.ts';
import { chosenBackend } from './chosen-backend.ts';
import { type GenerateSettings, generate } from './generate.ts';
import { lengthOf, readGenerateCall, readGenerateOptions } from './generate-options.ts';
import type { LoadedModel } from './loaded-model.ts';
import { Model } from './model.ts';
import type { Members } from './module-envoy.ts';
import { FLAG, OBJECT, OBJECTS, TEXT } from './option-kinds.ts';
import { checkNoMore, checkOptions, type OptionKinds } from './options.ts';
import { ANYWHERE } from './place.ts';
import type { ReadSettings } from './session.ts';

type GenerateBlock = (tracer: StepTracer<Prompt>) => unknown;

const CHAT_OPTIONS: OptionKinds<ChatOptions> = {
  addGenerationPrompt: FLAG,
  template: TEXT,
  tools: OBJECTS,
  variables: OBJECT,
};

/** A language model: texts can be given as inputs, and it generates. */
export class TextModel extends Model<Prompt, LanguageModelMembers> implements Members<LanguageModelMembers> {
  readonly tokenizer: Tokenizer;
  readonly config: Readonly<Record<string, unknown>>;
  readonly #config: LanguageConfig;

  constructor(
    loaded: LoadedModel,
    methods: InputHooks['methods'],
    tokenizer: Tokenizer,
    config: LanguageConfig,
    standing = ANYWHERE,
  ) {
    super(loaded, methods, standing);
    this.tokenizer = tokenizer;
    this.config = config.whole;
    this.#config = config;
  }

  /** A conversation as the text that the model was trained on, special tokens included. */
  chatText(messages: readonly ChatMessage[], options: ChatOptions = {}): string {
    checkOptions('chatText', options, CHAT_OPTIONS);
    return applyChatTemplate(this.#config, messages, { addGenerationPrompt: true, ...options });
  }

  /**
   * Generates tokens one by one. The block is traced once, over all steps. Called with options and a block, the block
   * gives the prompts by `tracer.invoke`.
   */
  generate<const R = undefined>(
    prompt: Prompt,
    options?: GenerateOptions,
    block?: (tracer: StepTracer<Prompt>) => R,
  ): Promise<Generated<R>>;
  generate<const R>(
    prompt: Prompt,
    block: (tracer: StepTracer<Prompt>) => R,
    options?: GenerateOptions,
  ): Promise<Generated<R>>;
  generate<const R>(options: GenerateOptions, block: (tracer: StepTracer<Prompt>) => R): Promise<Generated<R>>;
  generate(
    prompt: unknown,
    second?: GenerateOptions | GenerateBlock,
    third?: GenerateOptions | GenerateBlock,
    ...rest: unknown[]
  ): Promise<Generated<unknown>> {
    checkOutside('A generation');
    checkNoMore('generate(prompt, options, block)', rest);
    return this.#generate(prompt, second, third);
  }

  async #generate(
    prompt: unknown,
    second?: GenerateOptions | GenerateBlock,
    third?: GenerateOptions | GenerateBlock,
  ): Promise<Generated<unknown>> {
    const site = laterSite();
    const { isInvokes, options, block } = readGenerateCall(prompt, second, third);
    const { inputs: maker } = this.loaded;
    // What is wrong is an error at its line: behind an await the line is lost.
    const backend = chosenBackend('generate', options);
    this.#settings(options, null);
    const reading = isInvokes ? null : maker.read?.(prompt);
    const read = reading ? await reading : prompt;
    const inputs = isInvokes ? null : maker.prepare(read);
    const settings = this.#settings(options, inputs && lengthOf(inputs));
    const generated = await generate(this.loaded, inputs, block, settings, backend, site);
    return { ...generated, texts: generated.tokens.map((ids) => decodeTokens(this.tokenizer, ids)) };
  }

  #settings(options: GenerateOptions, promptLength: number | null): GenerateSettings {
    return {
      ...readGenerateOptions(options, this.#config, promptLength),
      ...(options.onToken && { onToken: this.#withTexts(options.onToken) }),
    };
  }

  protected override get generating(): ReadSettings {
    return (options, promptLength) => this.#settings(options, promptLength);
  }

  /** Reports tokens with the text that each adds to its row. */
  #withTexts(onToken: NonNullable<GenerateOptions['onToken']>): (token: NewToken) => void {
    const streams = new Map<number, TokenStream>();
    return ({ id, row, step }) => {
      const stream = streams.get(row) ?? createTokenStream(this.tokenizer);
      streams.set(row, stream);
      return onToken({ id, row, step, text: stream.push(id) });
    };
  }

  protected override with(loaded: LoadedModel, standing = ANYWHERE): TextModel {
    return new TextModel(loaded, this.methods, this.tokenizer, this.#config, standing);
  }
}
