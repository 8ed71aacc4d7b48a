import type { DType } from '../graph/types.ts';
import { DECODER_TOKEN_IDS, ENCODER_OUTPUT, ENCODER_STATES } from '../onnx/encoder-decoder-names.ts';
import type { ModelTensor } from '../onnx/model-tensor.ts';
import { allocate } from '../tensor/storage.ts';
import type { InputTensor } from '../tensor/string-tensor.ts';
import { Tensor } from '../tensor/tensor.ts';

/*
 * The inputs and outputs of language models, by the names that published ONNX files have for them. Tokens come as ids or
 * as embeddings. What goes from step to step is an input `past…` with an output `present…`: keys and values, to which each
 * step adds the new tokens (`past_key_values.0.key` and `present.0.key`, `past_key_0` and `present_key_0`, `past_0` and
 * `present_0`), or the state of a convolution or recurrence, whose size is fixed (`past_conv.0` and `present_conv.0`).
 */

/** int64 [batch, sequence] */
export const TOKEN_IDS = 'input_ids';
/** Instead of ids: float [batch, sequence, features]. */
export const EMBEDDINGS = 'inputs_embeds';
/** 1 where a token stands, 0 where it is padding: int64 [batch, past + sequence]. */
export const ATTENTION_MASK = 'attention_mask';
/** int64 [batch, sequence] */
export const POSITION_IDS = 'position_ids';
/** Which of several texts a token belongs to: int64 [batch, sequence]. */
export const TOKEN_TYPE_IDS = 'token_type_ids';
/** Where the tokens stand behind those of the cache: int64 [sequence]. */
const CACHE_POSITION = 'cache_position';
/** Whether there is something in the cache, in files that have a branch for each: bool, of no dimensions or one. */
const USE_CACHE = 'use_cache_branch';
/** The output that a language model's next token is chosen by: float [batch, sequence, vocabulary]. */
export const LOGITS = 'logits';
/** How many of the last positions get logits, 0 for all: int64, of no dimensions or one. */
const LOGITS_TO_KEEP = 'num_logits_to_keep';
/** `past_key_values.0.key`, `past_key_values.0.decoder.value`, `past_key_0`, `past_value_self_0`, `past_0`. */
const KEY_VALUE = /[._](key|value)$|^past_(key|value)(_self|_cross)?_\d+$|^past(_key_values)?[._]\d+$/;
/** Inputs that tell a length, though their names begin like those of a cache. */
const LENGTHS = /^past_seq/;

/** Whether an input takes what an earlier step gave. */
export function isPast(input: string): boolean {
  return /^past[._]/.test(input) && !LENGTHS.test(input);
}

/** Whether an input is of the key-value cache: float [batch, heads, past, features]. */
export function isKeyValue(input: string): boolean {
  return isPast(input) && KEY_VALUE.test(input);
}

/** Whether an input takes what an earlier step gave, or what the encoder did. */
export function isCarried(input: string): boolean {
  return isPast(input) || input === ENCODER_STATES;
}

/** The input whose tokens a generation goes on: of an encoder-decoder those of the decoder. */
export function continuedInput(inputs: Iterable<{ readonly name: string }>): string {
  return [...inputs].some(({ name }) => name === DECODER_TOKEN_IDS) ? DECODER_TOKEN_IDS : TOKEN_IDS;
}

/** The input that takes an output of a step in the next one; null for an output that none takes. */
export function pastOf(output: string, inputs: readonly { readonly name: string }[]): string | null {
  const [, rest] = /^present([._].*)$/.exec(output) ?? [];
  const names = rest === undefined ? [] : [`past_key_values${rest}`, `past${rest}`];
  if (output === ENCODER_OUTPUT) names.push(ENCODER_STATES);
  return names.find((name) => inputs.some((input) => input.name === name)) ?? null;
}

/** Whether the model has an input for tokens: only then are other inputs filled in. */
export function takeTokens(inputs: Iterable<{ readonly name: string }>): boolean {
  return [...inputs].some(({ name }) => name === TOKEN_IDS || name === EMBEDDINGS);
}

/** Whether an input may be left out beside tokens. */
export function isFilledIn({ name, cacheSwitch }: Pick<ModelTensor, 'name' | 'cacheSwitch'>): boolean {
  const names = [ATTENTION_MASK, POSITION_IDS, TOKEN_TYPE_IDS, CACHE_POSITION, USE_CACHE, LOGITS_TO_KEEP];
  return names.includes(name) || isPast(name) || cacheSwitch !== undefined;
}

/** What is wrong with an attention mask beside tokens; null if it has an entry for each of them and of the cache. */
export function maskFault(inputs: readonly ModelTensor[], prepared: ReadonlyMap<string, InputTensor>): string | null {
  const tokens = prepared.get(TOKEN_IDS) ?? prepared.get(EMBEDDINGS);
  const mask = prepared.get(ATTENTION_MASK);
  const window = inputs.find(({ name, window }) => window && prepared.has(name));
  // Without it the positions of the new tokens are not known.
  if (window && !mask) {
    return `'${window.name}' keeps the last ${window.window} tokens alone. Give ${ATTENTION_MASK} too`;
  }
  if (!tokens || mask?.dims.length !== 2) return null;
  const [batch, sequence] = tokens.dims as [number, number];
  const past = pastLength(inputs, prepared);
  // A cache of a fixed size has room for more tokens than there are, and a state does not tell how many it has seen.
  const hasState = past === 0 && [...prepared.keys()].some((name) => isPast(name) && !isKeyValue(name));
  const fits =
    mask.dims[0] === batch && (past > 0 || hasState ? mask.dims[1]! >= past + sequence : mask.dims[1] === sequence);
  if (fits) return null;
  const cached = past > 0 ? ` and ${past} in the cache` : '';
  return `${ATTENTION_MASK} has dims [${mask.dims.join(', ')}], but there are ${batch} rows of ${sequence} tokens${cached}: it has dims [${batch}, ${past + sequence}]`;
}

/** How many tokens went into the cache before. */
export function pastLength(inputs: readonly ModelTensor[], prepared: ReadonlyMap<string, InputTensor>): number {
  let past = 0;
  for (const { name, window } of inputs) {
    const cache = isKeyValue(name) && prepared.get(name);
    if (!cache) continue;
    if (!window) return cache.dims.at(-2)!;
    // Beside windows alone the mask tells it.
    const tokens = prepared.get(TOKEN_IDS) ?? prepared.get(EMBEDDINGS);
    past = (prepared.get(ATTENTION_MASK)?.dims[1] ?? 0) - (tokens?.dims[1] ?? 0);
  }
  return past;
}

/**
 * Adds the inputs that may be left out beside tokens: an empty cache, states of zeros, a mask of ones, positions, token types
 * of zeros. A cache with a size that only the model's author knows stays out.
 */
export function fillIn(inputs: readonly ModelTensor[], prepared: Map<string, InputTensor>): void {
  addCachePosition(inputs, prepared);
  const tokens = prepared.get(TOKEN_IDS) ?? prepared.get(EMBEDDINGS);
  if (!tokens) return;
  const [batch, sequence] = tokens.dims as [number, number];
  const missing = inputs.filter(({ name }) => !prepared.has(name));
  const past = pastLength(inputs, prepared);
  const rows = inputs.find(({ name }) => name === TOKEN_IDS || name === EMBEDDINGS)?.dims?.[0];
  for (const input of missing) {
    const shape = isPast(input.name) ? stateShape(input, rows, batch) : null;
    if (shape && input.dtype) prepared.set(input.name, zeros(shape, input.dtype));
  }
  const left = new Map(missing.map((input) => [input.name, input]));
  const add = (name: string, tensor: () => Tensor) => {
    const { dtype } = left.get(name) ?? {};
    if (dtype) prepared.set(name, inDtype(tensor(), dtype));
  };
  add(ATTENTION_MASK, () => filled([batch, past + sequence], 1));
  add(POSITION_IDS, () => positions(prepared.get(ATTENTION_MASK), batch, sequence, past));
  add(TOKEN_TYPE_IDS, () => filled([batch, sequence], 0));
  for (const { name, dims, cacheSwitch } of missing) {
    if (name !== USE_CACHE && cacheSwitch === undefined) continue;
    add(name, () => Tensor.from([past > 0 === (cacheSwitch ?? true)], 'bool' as 'float32', dims?.map(() => 1) ?? [1]));
  }
  add(LOGITS_TO_KEEP, () => integers([0], left.get(LOGITS_TO_KEEP)!.dims?.map(() => 1) ?? []));
}

function addCachePosition(inputs: readonly ModelTensor[], prepared: Map<string, InputTensor>): void {
  const tokens = prepared.get(DECODER_TOKEN_IDS) ?? prepared.get(TOKEN_IDS) ?? prepared.get(EMBEDDINGS);
  const { dtype } = inputs.find(({ name }) => name === CACHE_POSITION) ?? {};
  if (!tokens || !dtype || prepared.has(CACHE_POSITION)) return;
  const past = pastLength(inputs, prepared);
  const places = Array.from({ length: tokens.dims[1]! }, (_, i) => past + i);
  prepared.set(CACHE_POSITION, inDtype(integers(places, [places.length]), dtype));
}

/**
 * The dims of what a first step takes from the step before it; null where the file does not tell one of them.
 * @param rows the size of the batch, as the file has it for the tokens
 */
function stateShape(
  { name, dims }: ModelTensor,
  rows: string | number | null | undefined,
  batch: number,
): number[] | null {
  const sizes = dims?.map((dim, i) => {
    if (typeof dim === 'number') return dim;
    if (i === 0 || (dim !== null && dim === rows)) return batch;
    return isKeyValue(name) && i === dims.length - 2 ? 0 : null;
  });
  return sizes?.every((size) => size !== null) ? sizes : null;
}

function zeros(dims: readonly number[], dtype: DType): Tensor {
  const size = dims.reduce((product, dim) => product * dim, 1);
  return new Tensor(dtype as 'float32', dims, allocate(dtype as 'float32', size));
}

function inDtype(tensor: Tensor, dtype: DType): Tensor {
  return tensor.dtype === dtype ? tensor : (tensor.to(dtype) as Tensor);
}

function filled(dims: readonly number[], value: number): Tensor {
  const size = dims.reduce((a, b) => a * b, 1);
  return integers(new Array<number>(size).fill(value), dims);
}

/** Positions count the attended tokens, so that padding on the left does not shift them. */
export function positions(mask: InputTensor | undefined, batch: number, sequence: number, past: number): Tensor {
  const rows = mask ? Array.from(mask.raw as ArrayLike<number>, Number) : null;
  const data: number[] = [];
  for (let row = 0; row < batch; row++) {
    let position = 0;
    const total = past + sequence;
    for (let i = 0; i < total; i++) {
      const attended = rows?.[row * total + i] !== 0;
      if (i >= past) data.push(attended ? position : 1);
      if (attended) position++;
    }
  }
  return integers(data, [batch, sequence]);
}

function integers(data: readonly number[], dims: readonly number[]): Tensor {
  return new Tensor('int64' as 'float32', dims, BigInt64Array.from(data, BigInt) as never);
}
