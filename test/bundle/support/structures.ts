import { intervention, type LanguageModel, norm, save } from 'onnsight';

function head(model: LanguageModel) {
  'use trace';
  return model.lm_head.output['0, -1, 0:3'];
}

/** An intervention for each form of `returns`, and for each type of element. */
export const INTERVENTIONS = {
  tensor: intervention((model: LanguageModel) => save(head(model))),
  nested: intervention({ alpha: 'float32' }, (model: LanguageModel, { alpha }) => ({
    list: [save(head(model) * alpha), [save(head(model).argmax())], 'text', 3, true, null],
    absent: undefined,
    odd: [Number.POSITIVE_INFINITY, -0],
    deep: { er: { logits: save(head(model) > 0) } },
  })),
  // biome-ignore lint/suspicious/noSparseArray: it comes back as one.
  holes: intervention((model: LanguageModel) => [
    save(head(model)),
    ,
    [Number.NaN, -Infinity, 'NaN', '-0'],
    [],
    {},
    [[]],
  ]),
  names: intervention((model: LanguageModel) => {
    const one = save(head(model));
    return { 'a.b': one, '': one, 0: one, 'ü ñ': [one], input_ids: one, 'a/b': one, constructor: one };
  }),
  types: intervention((model: LanguageModel) =>
    (
      ['float16', 'float64', 'int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64', 'bool'] as const
    ).map((dtype) => save(head(model).argmax().to(dtype))),
  ),
  choice: intervention({ side: 'int64' }, (model: LanguageModel, { side }) => {
    if (side > 0) return { early: save(head(model)) };
    return { late: [save(head(model) * 2)] };
  }),
  branch: intervention({ side: 'int64' }, (model: LanguageModel, { side }) => {
    const results: Record<string, unknown> = {};
    if (side > 0) results.positive = save(head(model));
    return { ...results, all: save(head(model)) };
  }),
  entries: intervention({ limit: 'float32' }, (model: LanguageModel, { limit }) => {
    const kept = [];
    for (const row of model.transformer.h[1].output[0]) if (norm(row) < limit) kept.push(save(row['0:2']));
    return { kept };
  }),
  texts: intervention({ alpha: { type: 'float32', default: 1 } }, (model: LanguageModel, { alpha }) => {
    model.transformer.h[1].output *= alpha;
    return save(model.lm_head.output[':, -1, 0:3']);
  }),
  loop: intervention((model: LanguageModel) => {
    let last: unknown;
    for (const row of model.transformer.h[1].output[0]) last = save(row['0:2']);
    return { last };
  }),
};

const INPUTS = { input_ids: [[1, 2, 3]] };
/** A cache of two tokens. */
const PAST = Object.fromEntries(
  [0, 1, 2, 3].flatMap((layer) =>
    ['key', 'value'].map((part, i) => {
      const row = (at: number) => Array.from({ length: 32 }, (_, k) => Math.sin(layer + i + at + k));
      const heads = Array.from({ length: 4 }, (_, head) => [row(head), row(head + 0.5)]);
      return [`past_key_values.${layer}.${part}`, [heads]];
    }),
  ),
);
export const RUNS: readonly (readonly [keyof typeof INTERVENTIONS, Readonly<Record<string, unknown>>])[] = [
  ['tensor', INPUTS],
  ['tensor', { ...INPUTS, ...PAST }],
  ['nested', { ...INPUTS, alpha: 2 }],
  ['holes', INPUTS],
  ['names', INPUTS],
  ['types', INPUTS],
  ['choice', { ...INPUTS, side: 1 }],
  ['choice', { ...INPUTS, side: -1 }],
  ['branch', { ...INPUTS, side: 1 }],
  ['branch', { ...INPUTS, side: -1 }],
  ['entries', { ...INPUTS, limit: 1e9 }],
  ['entries', { ...INPUTS, limit: 0 }],
  ['loop', INPUTS],
  ['texts', { text: 'The Eiffel Tower is in the city of' }],
  ['texts', { text: ['The Eiffel Tower is in the city of', 'The Louvre is in the city of'], alpha: 2 }],
];
