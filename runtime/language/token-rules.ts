/** Tokens that a model's files forbid or demand in a generation, as `generation_config.json` names them. */
export interface TokenRules {
  /** Never chosen. */
  readonly suppressTokens: readonly number[];
  /** Not chosen as the first new token. */
  readonly beginSuppressTokens: readonly number[];
  /** The token that follows on a start token alone. */
  readonly forcedBosTokenId: number | null;
  /** The tokens one of which ends a row that has got as long as it may. */
  readonly forcedEosTokenIds: readonly number[];
}

/** A place in a generation. */
export interface TokenPlace {
  /** How many tokens the prompt has: of an encoder-decoder that of the decoder. */
  readonly prompt: number;
  /** Which new token it is, counted from 0. */
  readonly step: number;
  /** How many new tokens there may be. */
  readonly count: number;
}

/** The logits of a place under the rules: -Infinity for tokens that cannot stand there. */
export function ruled(logits: Float32Array, rules: TokenRules, { prompt, step, count }: TokenPlace): Float32Array {
  const { suppressTokens, beginSuppressTokens, forcedBosTokenId, forcedEosTokenIds } = rules;
  const forced =
    step === count - 1 && forcedEosTokenIds.length > 0
      ? forcedEosTokenIds
      : step === 0 && prompt === 1 && forcedBosTokenId !== null
        ? [forcedBosTokenId]
        : null;
  if (forced) {
    const only = new Float32Array(logits.length).fill(-Infinity);
    for (const id of forced) only[id] = 0;
    return only;
  }
  const left = Float32Array.from(logits);
  for (const id of step === 0 ? [...suppressTokens, ...beginSuppressTokens] : suppressTokens) left[id] = -Infinity;
  return left;
}
