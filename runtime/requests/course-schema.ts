import * as z from 'zod';
import { siteSchema } from '../graph/json-schema.ts';

const index = z.int().nonnegative();
const tokens = z.array(index).readonly();
const asked = { step: index, rows: z.strictObject({ start: index, count: index }).nullable() };
const stepOutputs = z.strictObject({ logits: index, cache: z.record(z.string(), index) });
const late = z.strictObject({
  steps: z.array(stepOutputs).min(1),
  conditions: z.array(z.strictObject({ value: index, ...asked })),
  outcomes: z.array(index),
  wanted: z.array(z.array(index.nullable())),
});
const generation = z.strictObject({
  sampling: z.strictObject({
    doSample: z.boolean().exactOptional(),
    temperature: z.number().nonnegative().exactOptional(),
    topK: index.exactOptional(),
    topP: z.number().positive().max(1).exactOptional(),
    repetitionPenalty: z.number().positive().exactOptional(),
    seed: z.int().exactOptional(),
  }),
  stop: z.array(index),
  pad: index,
  count: index,
  rules: z
    .strictObject({
      suppressTokens: tokens,
      beginSuppressTokens: tokens,
      badWordsIds: z.array(tokens).readonly(),
      forcedBosTokenId: index.nullable(),
      forcedEosTokenIds: tokens,
    })
    .nullable(),
});
const fn = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('tokens'), generation: index }),
  z.strictObject({ kind: z.literal('reached'), generation: index, ...asked }),
]);

/** The schema of a course whose tensors are written as `tensor` says. */
export function courseSchema<T extends z.ZodType>(tensor: T) {
  const forward = z.strictObject({
    /** The hash of the model. */
    model: z.string(),
    owner: index,
    inputs: z.record(z.string(), tensor),
    given: z.record(z.string(), index),
    step: z.strictObject({ generation: index, index }).nullable(),
    site: siteSchema,
  });
  return z.strictObject({
    forwards: z.array(forward).min(1),
    generations: z.array(generation),
    functions: z.array(z.strictObject({ value: index, fn })),
    late: late.nullable(),
  });
}
