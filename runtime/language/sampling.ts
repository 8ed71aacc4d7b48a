import { TraceError } from '../errors.ts';
import { uniformSource } from '../tensor/random.ts';
import { callerSite } from '../tracing/caller.ts';
import { checkSampling, type SamplingOptions } from './sampling-options.ts';
import { keepNucleus, keepTop, penalise, scale, softmax } from './warpers.ts';

/** Chooses the tokens of one row, one after another. */
export interface Sampler {
  /**
   * The id of the next token. `logits` has one number for each token of the vocabulary and is not changed; `previous`
   * are the row's tokens so far, prompt included, which only a repetition penalty reads.
   */
  next(logits: Float32Array, previous?: readonly number[]): number;
}

/**
 * A sampler for one row of a batch. Options are those of transformers and are applied in its order: repetition penalty,
 * temperature, top-k, top-p. Samplers with the same seed and stream draw the same numbers, whichever row they serve, so
 * that a row of a batch equals a run of its own; `stream` tells apart rows that have the same prompt.
 * Throws a `TraceError` at the user's line for an impossible option.
 */
export function createSampler(options: SamplingOptions = {}, stream = 0): Sampler {
  checkSampling(options);
  const { doSample = false, temperature = 1, repetitionPenalty = 1, seed } = options;
  const greedy = !doSample || temperature === 0;
  const uniform = greedy ? null : seed === undefined ? uniformSource() : streamSource(seed, stream);
  return {
    next(logits, previous = []) {
      const best = likeliest(logits);
      if (best === null) {
        throw new TraceError('The logits of the next token contain NaN: no token can be chosen.', callerSite());
      }
      if (uniform === null && repetitionPenalty === 1) return best;
      const scores = Float32Array.from(logits);
      penalise(scores, previous, repetitionPenalty);
      if (uniform === null) return likeliest(scores)!;
      warp(scores, options);
      return draw(softmax(scores), uniform());
    },
  };
}

/** The stream of each row: rows with the same tokens are counted, so that copies of one prompt are drawn differently. */
export function rowStreams(rows: readonly (readonly number[])[]): number[] {
  const seen = new Map<string, number>();
  return rows.map((row) => {
    const key = row.join(' ');
    const stream = seen.get(key) ?? 0;
    seen.set(key, stream + 1);
    return stream;
  });
}

/** The probabilities that a token is drawn with, in the order of the vocabulary. */
export function probabilities(
  logits: Float32Array,
  options: SamplingOptions,
  previous: readonly number[] = [],
): Float64Array {
  checkSampling(options);
  const scores = Float32Array.from(logits);
  penalise(scores, previous, options.repetitionPenalty ?? 1);
  warp(scores, options);
  return softmax(scores);
}

function warp(scores: Float32Array, { temperature = 1, topK, topP = 1 }: SamplingOptions): void {
  scale(scores, temperature);
  if (topK) keepTop(scores, topK);
  if (topP < 1) keepNucleus(scores, topP);
}

/** The first of equal ones, as torch.argmax on a CPU has it; null where one is NaN. In one pass: a vocabulary has 50,000 tokens. */
function likeliest(logits: Float32Array): number | null {
  let best = 0;
  let greatest = logits[0]!;
  for (let i = 0; i < logits.length; i++) {
    const logit = logits[i]!;
    if (logit <= greatest) continue;
    if (Number.isNaN(logit)) return null;
    best = i;
    greatest = logit;
  }
  return best;
}

function draw(probabilities: Float64Array, uniform: number): number {
  let left = uniform;
  let last = 0;
  for (let i = 0; i < probabilities.length; i++) {
    const probability = probabilities[i]!;
    if (probability === 0) continue;
    left -= probability;
    last = i;
    if (left < 0) return i;
  }
  // Rounding may leave the sum a little below 1.
  return last;
}

/** The first stream is the seed's own; the seeds of the others are drawn from it. */
function streamSource(seed: number, stream: number): () => number {
  const seeds = uniformSource(seed);
  let chosen = seed;
  for (let i = 0; i < stream; i++) chosen = Math.floor(seeds() * 2 ** 53);
  return uniformSource(chosen);
}
