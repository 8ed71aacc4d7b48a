import { join } from 'node:path';
import * as z from 'zod';
import { readGenaiConfig } from './genai-config.ts';
import { readJson, readText } from './json-file.ts';
import type { TokenRules } from './token-rules.ts';

/** The generation settings in a model's files; undefined if they do not say. */
export interface GenerationDefaults {
  /** How many tokens to add at most. */
  readonly maxNewTokens: number | undefined;
  /** How many tokens a text may have, prompt included. */
  readonly maxLength: number | undefined;
  readonly doSample: boolean | undefined;
  readonly temperature: number | undefined;
  readonly topK: number | undefined;
  readonly topP: number | undefined;
  readonly repetitionPenalty: number | undefined;
}

/** Facts about a language model from the files beside its graph. */
export interface LanguageConfig {
  /** The tokens that end a text; none where the files name none. */
  readonly eosTokenIds: readonly number[];
  readonly bosTokenId: number | null;
  readonly padTokenId: number | null;
  readonly bosToken: string | null;
  readonly eosToken: string | null;
  /** The longest text that the model has positions for, in tokens: of an encoder-decoder that of its decoder. */
  readonly maxPositions: number | null;
  /** The longest prompt that it has positions for: of an encoder-decoder that of its encoder. */
  readonly maxPromptTokens: number | null;
  /** The token that the decoder of an encoder-decoder begins with. */
  readonly decoderStartTokenId: number | null;
  /** Tokens that the files forbid or demand; null if they do not. */
  readonly tokenRules: TokenRules | null;
  /** How many tokens the model has logits for; the tokenizer may know fewer. */
  readonly vocabSize: number | null;
  /** Jinja templates by name; the usual one is `default`. */
  readonly chatTemplates: Readonly<Record<string, string>>;
  readonly generation: GenerationDefaults;
  /** `config.json`, whole; empty where there is none. */
  readonly whole: Readonly<Record<string, unknown>>;
}

const id = z.number().int().nonnegative();
const ids = z.union([id.transform((one) => [one]), z.array(id)]).nullish();
/** Some files have -1 for "none", or a list of which the first is meant. */
const oneId = z.union([z.number().int(), z.array(id).transform((list) => list[0])]).nullish();
const size = z.number().int().positive().nullish();
/** A token is its text, or the text with how the tokenizer treats the spaces around it. */
const token = z
  .union([z.string(), z.looseObject({ content: z.string() }).transform(({ content }) => content)])
  .nullish();
/** The same where there may be several. */
const eosIds = z
  .union([z.number().int(), z.array(z.number().int())])
  .transform((found) => [found].flat().filter((one) => one >= 0))
  .nullish();
const specialIds = { eos_token_id: eosIds, bos_token_id: oneId, pad_token_id: oneId };
const sizes = { n_positions: size, max_position_embeddings: size, n_ctx: size, vocab_size: size };

const rules = {
  decoder_start_token_id: oneId,
  suppress_tokens: z.array(z.number().int()).nullish(),
  begin_suppress_tokens: z.array(z.number().int()).nullish(),
  bad_words_ids: z.array(z.array(z.number().int())).nullish(),
  forced_bos_token_id: oneId,
  forced_eos_token_id: ids,
};

const config = z.looseObject({
  ...specialIds,
  ...sizes,
  ...rules,
  max_target_positions: size,
  relative_attention_num_buckets: size,
  // Models that also take pictures keep their language model's sizes a level below.
  text_config: z.looseObject({ ...specialIds, ...sizes }).nullish(),
});
const generationConfig = z.looseObject({
  ...specialIds,
  ...rules,
  max_new_tokens: size,
  max_length: size,
  do_sample: z.boolean().nullish(),
  temperature: z.number().nonnegative().nullish(),
  top_k: z.number().int().nonnegative().nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  repetition_penalty: z.number().positive().nullish(),
});
const templates = z.union([
  z.string().transform((template) => ({ default: template })),
  z
    .array(z.object({ name: z.string(), template: z.string() }))
    .transform((list) => Object.fromEntries(list.map(({ name, template }) => [name, template]))),
]);
const tokenizerConfig = z.looseObject({ bos_token: token, eos_token: token, chat_template: templates.nullish() });
const chatTemplate = z.looseObject({ chat_template: templates.nullish() });

/**
 * Reads `config.json`, `generation_config.json`, `genai_config.json`, `tokenizer_config.json` and `chat_template.jinja` (or
 * `.json`) of a folder. A missing file says nothing; `generation_config.json` goes before `config.json` and this before
 * `genai_config.json`, a template in a file of its own before one in `tokenizer_config.json`. Throws a `ModelError` for a
 * damaged file.
 */
export function readLanguageConfig(folder: string): LanguageConfig {
  const path = join(folder, 'config.json');
  const { text_config: text, ...top } = readJson(path, config) ?? {};
  const { model: genai, search } = genaiDefaults(folder);
  const generationFile = readJson(join(folder, 'generation_config.json'), generationConfig);
  const generation = { ...search, ...defined(generationFile ?? {}) };
  const tokenizer = readJson(join(folder, 'tokenizer_config.json'), tokenizerConfig) ?? {};
  const first = (key: 'bos_token_id' | 'pad_token_id') => {
    const found = generation[key] ?? top[key] ?? text?.[key] ?? genai[key] ?? -1;
    return found < 0 ? null : found;
  };
  const model = { ...genai, ...defined({ ...text }), ...defined(top) };
  const eosTokenIds = generation.eos_token_id ?? model.eos_token_id ?? [];
  const { relative_attention_num_buckets: relative, max_target_positions: targets } = top;
  const positions = model.n_positions ?? model.max_position_embeddings ?? model.n_ctx ?? null;
  // Where positions are only relative, `n_positions` is how long texts were in training, and no limit.
  const maxPromptTokens = relative ? null : positions;
  return {
    whole: readJson(path, z.looseObject({})) ?? {},
    eosTokenIds,
    bosTokenId: first('bos_token_id'),
    padTokenId: first('pad_token_id'),
    bosToken: tokenizer.bos_token ?? null,
    eosToken: tokenizer.eos_token ?? null,
    maxPositions: targets ?? maxPromptTokens,
    maxPromptTokens,
    decoderStartTokenId: generation.decoder_start_token_id ?? top.decoder_start_token_id ?? first('bos_token_id'),
    tokenRules: rulesIn(generationFile ?? top, eosTokenIds),
    vocabSize: model.vocab_size ?? null,
    chatTemplates: { ...tokenizer.chat_template, ...ownTemplates(folder) },
    generation: {
      maxNewTokens: generation.max_new_tokens ?? undefined,
      maxLength: generation.max_length ?? undefined,
      doSample: generation.do_sample ?? undefined,
      temperature: generation.temperature ?? undefined,
      // 0 is how transformers' files say "no limit", as 1 is for top_p.
      topK: generation.top_k || undefined,
      topP: generation.top_p || undefined,
      repetitionPenalty: generation.repetition_penalty ?? undefined,
    },
  };
}

function rulesIn(file: z.infer<z.ZodObject<typeof rules>>, eosTokenIds: readonly number[]): TokenRules | null {
  const found = {
    // transformers' files also have -1 for none.
    suppressTokens: file.suppress_tokens?.filter((token) => token >= 0) ?? [],
    beginSuppressTokens: file.begin_suppress_tokens?.filter((token) => token >= 0) ?? [],
    // As in transformers, a word that is the end alone is none.
    badWordsIds: file.bad_words_ids?.filter((word) => word.length !== 1 || !eosTokenIds.includes(word[0]!)) ?? [],
    forcedBosTokenId: file.forced_bos_token_id ?? null,
    forcedEosTokenIds: file.forced_eos_token_id ?? [],
  };
  return Object.values(found).every((rule) => rule === null || (Array.isArray(rule) && rule.length === 0))
    ? null
    : found;
}

/** What `genai_config.json` says, in the words of the other files. */
function genaiDefaults(folder: string) {
  const { model, search } = readGenaiConfig(folder) ?? {};
  const { eos_token_id: eos } = model ?? {};
  return {
    model: {
      ...defined({ bos_token_id: model?.bos_token_id, pad_token_id: model?.pad_token_id }),
      ...defined({ n_positions: model?.context_length, vocab_size: model?.vocab_size }),
      ...(eos !== null && eos !== undefined && { eos_token_id: [eos].flat() }),
    },
    search: defined({ ...search }),
  };
}

function ownTemplates(folder: string): Record<string, string> {
  const jinja = readText(join(folder, 'chat_template.jinja'));
  if (jinja !== null) return { default: jinja };
  return readJson(join(folder, 'chat_template.json'), chatTemplate)?.chat_template ?? {};
}

function defined<T extends object>(values: T): T {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null && value !== undefined)) as T;
}
