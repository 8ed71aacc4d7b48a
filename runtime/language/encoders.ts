/** The kinds of models (`model_type`) that see a text from both sides, unless their configuration says `is_decoder`. */
const ENCODERS: ReadonlySet<unknown> = new Set([
  ...['albert', 'bert', 'big_bird', 'camembert', 'canine', 'convbert', 'data2vec-text', 'deberta', 'deberta-v2'],
  ...['distilbert', 'electra', 'ernie', 'esm', 'eurobert', 'flaubert', 'fnet', 'funnel', 'ibert', 'layoutlm'],
  ...['longformer', 'luke', 'megatron-bert', 'mobilebert', 'modernbert', 'mpnet', 'mra', 'new', 'nomic_bert'],
  ...['nystromformer', 'rembert', 'roberta', 'roberta-prelayernorm', 'roc_bert', 'roformer', 'splinter'],
  ...['squeezebert', 'xlm-roberta', 'xlm-roberta-xl', 'xmod', 'yoso'],
]);

/** Whether a model's `config.json` is that of an encoder. */
export function isEncoder({ model_type, is_decoder }: Readonly<Record<string, unknown>>): boolean {
  return ENCODERS.has(model_type) && is_decoder !== true;
}

/** Whether it is that of a model that goes on from a text. */
export function continuesTexts({ architectures, is_decoder }: Readonly<Record<string, unknown>>): boolean {
  const names: readonly unknown[] = Array.isArray(architectures) ? architectures : [];
  return is_decoder === true || names.some((name) => /CausalLM|LMHead|DoubleHeads/.test(String(name)));
}
