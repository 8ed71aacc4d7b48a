import type { ModelTensor } from '../onnx/model.ts';
import type { InputTensor } from '../tensor/string-tensor.ts';
import { Tensor } from '../tensor/tensor.ts';

/*
 * The inputs and outputs of language models, by the names that published ONNX files have for them. Tokens come as ids or
 * as embeddings; with a key-value cache a model takes `past_key_values.*` and gives `present.*`, of the same shapes with
 * the new tokens added.
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
/** Whether there is something in the cache, in files that have a branch for each: bool [1]. */
const USE_CACHE = 'use_cache_branch';
/** The output that a language model's next token is chosen by: float [batch, sequence, vocabulary]. */
export const LOGITS = 'logits';
/** float [batch, heads, past, features] each */
const PAST = 'past_key_values';
const PRESENT = 'present';

/** Whether an input is of the key-value cache. */
export function isPast(input: string): boolean {
  return input.startsWith(PAST);
}

/** Whether an output is of the key-value cache. */
export function isPresent(output: string): boolean {
  return output.startsWith(PRESENT);
}

/** The input that takes an output of the key-value cache in the next step. */
export function pastOf(present: string): string {
  return present.replace(PRESENT, PAST);
}

/** Whether the model has an input for tokens: only then are other inputs filled in. */
export function takeTokens(inputs: Iterable<{ readonly name: string }>): boolean {
  return [...inputs].some(({ name }) => name === TOKEN_IDS || name === EMBEDDINGS);
}

/** Whether an input may be left out beside tokens. */
export function isFilledIn(input: string): boolean {
  return [ATTENTION_MASK, POSITION_IDS, TOKEN_TYPE_IDS, USE_CACHE].includes(input) || isPast(input);
}

/** What is wrong with an attention mask beside tokens; null if it has an entry for each of them and of the cache. */
export function maskFault(prepared: ReadonlyMap<string, InputTensor>): string | null {
  const tokens = prepared.get(TOKEN_IDS) ?? prepared.get(EMBEDDINGS);
  const mask = prepared.get(ATTENTION_MASK);
  if (!tokens || mask?.dims.length !== 2) return null;
  const [batch, sequence] = tokens.dims as [number, number];
  const past = pastLength(prepared);
  // A cache of a fixed size has room for more tokens than there are.
  const fits = mask.dims[0] === batch && (past > 0 ? mask.dims[1]! >= past + sequence : mask.dims[1] === sequence);
  if (fits) return null;
  const cached = past > 0 ? ` and ${past} in the cache` : '';
  return `${ATTENTION_MASK} has dims [${mask.dims.join(', ')}], but there are ${batch} rows of ${sequence} tokens${cached}: it has dims [${batch}, ${past + sequence}]`;
}

function pastLength(prepared: ReadonlyMap<string, InputTensor>): number {
  return [...prepared].find(([name]) => isPast(name))?.[1].dims.at(-2) ?? 0;
}

/** Adds the inputs that may be left out beside tokens: an empty cache, a mask of ones, positions, token types of zeros. */
export function fillIn(inputs: readonly ModelTensor[], prepared: Map<string, InputTensor>): void {
  const tokens = prepared.get(TOKEN_IDS) ?? prepared.get(EMBEDDINGS);
  if (!tokens) return;
  const [batch, sequence] = tokens.dims as [number, number];
  const missing = inputs.filter(({ name }) => !prepared.has(name));
  const past = pastLength(prepared);
  for (const { name, dtype, dims } of missing) {
    if (!isPast(name) || !dims || !dtype) continue;
    const shape = dims.map((dim, i) => (typeof dim === 'number' ? dim : i === 0 ? batch : 0));
    prepared.set(name, Tensor.from([], dtype as 'float32', shape));
  }
  const names = new Set(missing.map(({ name }) => name));
  const add = (name: string, tensor: () => Tensor) => names.has(name) && prepared.set(name, tensor());
  add(ATTENTION_MASK, () => filled([batch, past + sequence], 1));
  add(POSITION_IDS, () => positions(prepared.get(ATTENTION_MASK), batch, sequence, past));
  add(TOKEN_TYPE_IDS, () => filled([batch, sequence], 0));
  add(USE_CACHE, () => Tensor.from([past > 0], 'bool' as 'float32', [1]));
}

function filled(dims: readonly number[], value: number): Tensor {
  const size = dims.reduce((a, b) => a * b, 1);
  return integers(
    Array.from({ length: size }, () => value),
    dims,
  );
}

/** Positions count the attended tokens, so that padding on the left does not shift them. */
function positions(mask: InputTensor | undefined, batch: number, sequence: number, past: number): Tensor {
  const rows = mask ? Array.from(mask.raw as ArrayLike<number>, Number) : null;
  const data: number[] = [];
  for (let row = 0; row < batch; row++) {
    let position = rows ? 0 : past;
    const total = past + sequence;
    for (let i = rows ? 0 : past; i < total; i++) {
      const attended = rows ? rows[row * total + i] !== 0 : true;
      if (i >= past) data.push(attended ? position : 1);
      if (attended) position++;
    }
  }
  return integers(data, [batch, sequence]);
}

function integers(data: readonly number[], dims: readonly number[]): Tensor {
  return Tensor.from(data, 'int64' as 'float32', dims);
}
