import { TraceError } from '../errors.ts';
import { continuedInput } from '../inputs/convention.ts';
import type { Inputs } from '../inputs/signature.ts';
import type { LanguageConfig } from '../language/config.ts';
import { createSampler, rowStreams, type Sampler } from '../language/sampling.ts';
import type { SamplingOptions } from '../language/sampling-options.ts';
import { Tensor } from '../tensor/tensor.ts';
import { callerSite } from '../tracing/caller.ts';
import { inner } from '../tracing/hidden.ts';
import { isPlainObject } from '../tracing/plain-object.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import type { GenerateOptions, StepTracer } from '../types/generation.ts';
import type { Prompt } from '../types/model.ts';
import { checkCompiled, isBlock } from './blocks.ts';
import { BACKEND, CHECKED_LATER, COUNT, FLAG, FUNCTION, SIGNAL, TOKENS } from './option-kinds.ts';
import { checkNoMore, checkOptions, type OptionKinds } from './options.ts';

const OPTIONS: OptionKinds<GenerateOptions> = {
  maxNewTokens: COUNT,
  stopTokens: TOKENS,
  useCache: FLAG,
  backend: BACKEND,
  remote: FLAG,
  onToken: FUNCTION,
  signal: SIGNAL,
  onStats: FUNCTION,
  doSample: FLAG,
  temperature: CHECKED_LATER,
  topK: CHECKED_LATER,
  topP: CHECKED_LATER,
  repetitionPenalty: CHECKED_LATER,
  seed: CHECKED_LATER,
};

/** Whether an object is options rather than inputs by name. */
function isGenerateOptions(value: unknown): value is GenerateOptions {
  return isPlainObject(value) && Object.keys(value).every((key) => Object.hasOwn(OPTIONS, key));
}

type GenerateBlock = (tracer: StepTracer<Prompt>) => unknown;

/** What a call of generate is given. */
export interface GenerateCall {
  /** The prompt; with `isInvokes` there is none, and the block gives prompts by `tracer.invoke`. */
  readonly prompt: unknown;
  readonly isInvokes: boolean;
  readonly options: GenerateOptions;
  readonly block: GenerateBlock | null;
}

/** Tells the arguments of generate apart: (prompt, options?, block?), (prompt, block, options?) or (options, block). */
export function readGenerateCall(prompt: unknown, second?: unknown, third?: unknown): GenerateCall {
  const [block = null] = [second, third].filter(isBlock<[StepTracer<Prompt>]>);
  const isInvokes = second === block && third === undefined && isGenerateOptions(prompt);
  const rest = second === block ? third : second;
  if (typeof rest === 'function') checkOptions('generate', rest as object, {});
  if (!block) checkNoMore('generate(prompt, options)', third === undefined ? [] : [third]);
  if (block) checkCompiled(block);
  return { prompt, isInvokes, options: (isInvokes ? prompt : (rest ?? {})) as GenerateOptions, block };
}

/** The number of new tokens if neither the user nor the model's files tell. */
const USUAL = 20;

/** Options, completed by the model's files. Throws a TraceError for impossible ones. */
export function readGenerateOptions(options: GenerateOptions, config: LanguageConfig, promptLength: number | null) {
  checkOptions('generate', options, OPTIONS);
  const { generation, eosTokenIds, padTokenId } = config;
  const sampling = samplingOf({ ...defined(generation), ...defined(options) });
  // Wrong options are an error at once, not at the first token.
  createSampler(sampling);
  checkEffects(options, sampling.doSample === true);
  checkStop(options.stopTokens ?? [], config.vocabSize);
  const stop = new Set(options.stopTokens ?? eosTokenIds);
  return {
    count: countOf(options, config, promptLength),
    useCache: options.useCache ?? true,
    sampling,
    sample: rowSampler(sampling),
    stop,
    pad: padTokenId ?? eosTokenIds[0] ?? 0,
    rules: config.tokenRules,
    signal: options.signal,
    onStats: options.onStats,
  };
}

/** Throws a TraceError for a token that the model never gives, and that would end nothing. */
function checkStop(tokens: readonly number[], vocabSize: number | null): void {
  const unknown = tokens.find((id) => vocabSize !== null && id >= vocabSize);
  if (unknown === undefined) return;
  throw new TraceError(
    `The option stopTokens has ${unknown}, but the model's token ids run from 0 to ${vocabSize! - 1}.`,
    callerSite(),
  );
}

/** Options that matter only where tokens are drawn, with the values of each that change nothing elsewhere. */
const WITHOUT_SAMPLING = { temperature: [0, 1], topK: [0], topP: [1], seed: [] } satisfies Partial<
  Record<keyof GenerateOptions, readonly number[]>
>;

/** Throws a TraceError for options that only change how tokens are drawn where none are. */
function checkEffects(options: GenerateOptions, isDrawn: boolean): void {
  if (isDrawn) return;
  for (const [name, harmless] of Object.entries(WITHOUT_SAMPLING)) {
    const value = options[name as keyof typeof WITHOUT_SAMPLING];
    if (value === undefined || (harmless as readonly number[]).includes(value)) continue;
    throw new TraceError(
      `The option ${name} is ${value}, but no token is drawn at random: the most likely one is taken. Add doSample: true, or leave ${name} out.`,
      callerSite(),
    );
  }
}

function countOf({ maxNewTokens }: GenerateOptions, config: LanguageConfig, promptLength: number | null): number {
  const { maxPositions, generation } = config;
  // The last token needs no position: nothing is computed from it.
  const room = maxPositions === null || promptLength === null ? Infinity : maxPositions - promptLength + 1;
  if (maxNewTokens !== undefined && maxNewTokens > room) {
    throw new TraceError(
      `The prompt has ${promptLength} tokens and ${maxNewTokens} new ones are asked for, but the model's context holds ${maxPositions}: at most ${room} fit.`,
      callerSite(),
    );
  }
  return Math.min(maxNewTokens ?? generation.maxNewTokens ?? usual(generation.maxLength, promptLength), room);
}

/** How many new tokens there are where nobody says: what the model's files hold for a whole text is the most. */
function usual(maxLength: number | undefined, promptLength: number | null): number {
  if (maxLength === undefined || promptLength === null) return USUAL;
  if (promptLength < maxLength) return Math.min(USUAL, maxLength - promptLength);
  throw new TraceError(
    `The prompt has ${promptLength} tokens, and by max_length of the model's files a text has ${maxLength} at most. Say how many new ones there may be: { maxNewTokens: 10 }.`,
    callerSite(),
  );
}

/** Draws for every row of a batch as if it were alone. */
export function rowSampler(options: SamplingOptions) {
  let samplers: Sampler[] | null = null;
  return (logits: Float32Array, row: number, rows: readonly (readonly number[])[]): number => {
    samplers ??= rowStreams(rows).map((stream) => createSampler(options, stream));
    return samplers[row]!.next(logits, rows[row]);
  };
}

/** The options of sampling among those of a generation. */
function samplingOf(options: Partial<Record<keyof SamplingOptions, unknown>>): SamplingOptions {
  const { doSample, temperature, topK, topP, repetitionPenalty, seed } = options;
  return defined({ doSample, temperature, topK, topP, repetitionPenalty, seed }) as SamplingOptions;
}

function defined<T extends object>(values: T): T {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T;
}

/** How many tokens a generation begins with, as far as it is known. */
export function lengthOf(inputs: Inputs): number | null {
  const ids = inputs[continuedInput(Object.keys(inputs).map((name) => ({ name })))];
  if (ids instanceof TensorProxy) return ids[inner].type.shape?.[1] ?? null;
  return ids === undefined ? null : (Tensor.from(ids as number[]).dims[1] ?? null);
}
