import { isPast, TOKEN_TYPE_IDS } from '../inputs/convention.ts';
import { DECODER_TOKEN_IDS } from '../onnx/encoder-decoder-names.ts';
import type { LanguageConfig } from './config.ts';

/** The encoders of transformers by their `model_type`: they see a whole text at once, and its first token stands for it. */
const ENCODERS = new Set(
  `albert bert big_bird camembert canine convbert data2vec-text deberta deberta-v2 distilbert electra ernie esm eurobert flaubert
  fnet funnel gte ibert layoutlm longformer luke megatron-bert mobilebert modernbert mpnet mra nezha nomic_bert nystromformer
  rembert roberta roberta-prelayernorm roc_bert roformer splinter squeezebert tapas xlm xlm-roberta xlm-roberta-xl xmod yoso`.split(
    /\s+/,
  ),
);

/**
 * Where shorter texts are filled up to the length of the longest: on the left, so that the last token of every row stands in
 * the last column; for an encoder on the right, as it counts positions from the first column.
 */
export function paddingSide(
  inputs: readonly { readonly name: string }[],
  { whole }: Pick<LanguageConfig, 'whole'>,
): 'left' | 'right' {
  const has = (test: (name: string) => boolean) => inputs.some(({ name }) => test(name));
  if (has((name) => name === DECODER_TOKEN_IDS)) return 'right';
  if (has(isPast) || whole.is_decoder === true) return 'left';
  const { model_type: type } = whole;
  const isEncoder = typeof type === 'string' ? ENCODERS.has(type) : has((name) => name === TOKEN_TYPE_IDS);
  return isEncoder ? 'right' : 'left';
}
