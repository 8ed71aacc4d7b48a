/** Tokens that a model's files forbid or demand in a generation, as `generation_config.json` names them. */
export interface TokenRules {
  /** Never chosen. */
  readonly suppressTokens: readonly number[];
  /** Not chosen as the first new token. */
  readonly beginSuppressTokens: readonly number[];
  /** Sequences of tokens that are never completed. */
  readonly badWordsIds: readonly (readonly number[])[];
  /** The token that follows on a start token alone. */
  readonly forcedBosTokenId: number | null;
  /** The tokens one of which ends a row that has got as long as it may. */
  readonly forcedEosTokenIds: readonly number[];
}

/** A place in a generation. */
export interface TokenPlace {
  /** The tokens before it: of an encoder-decoder those of the decoder. */
  readonly before: readonly number[];
  /** Which new token it is, counted from 0. */
  readonly step: number;
  /** How many new tokens there may be. */
  readonly count: number;
}

/** The logits of a place under the rules: -Infinity for tokens that cannot stand there. */
export function ruled(logits: Float32Array, rules: TokenRules, place: TokenPlace): Float32Array {
  const forced = forcedAt(rules, place);
  const left = forced ? new Float32Array(logits.length).fill(-Infinity) : Float32Array.from(logits);
  for (const id of forced ?? []) left[id] = 0;
  for (const id of forced ? [] : forbiddenAt(rules, place)) left[id] = -Infinity;
  return left;
}

/** The tokens one of which must stand at a place; null if it is free. */
function forcedAt({ forcedBosTokenId, forcedEosTokenIds }: TokenRules, { before, step, count }: TokenPlace) {
  if (step === count - 1 && forcedEosTokenIds.length > 0) return forcedEosTokenIds;
  return before.length === 1 && forcedBosTokenId !== null ? [forcedBosTokenId] : null;
}

function forbiddenAt({ suppressTokens, beginSuppressTokens, badWordsIds }: TokenRules, place: TokenPlace): number[] {
  const { before, step } = place;
  const completed = badWordsIds.filter((word) => {
    const start = before.length - (word.length - 1);
    return start >= 0 && word.slice(0, -1).every((id, i) => id === before[start + i]);
  });
  const last = completed.flatMap((word) => word.at(-1) ?? []);
  return [...suppressTokens, ...(step === 0 ? beginSuppressTokens : []), ...last];
}
