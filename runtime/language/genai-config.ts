import { join } from 'node:path';
import * as z from 'zod';
import { readJson } from './json-file.ts';

const id = z.number().int().nonnegative();
const size = z.number().int().positive().nullish();

const genaiConfig = z.looseObject({
  model: z.looseObject({
    bos_token_id: id.nullish(),
    eos_token_id: z.union([id, z.array(id)]).nullish(),
    pad_token_id: id.nullish(),
    context_length: size,
    vocab_size: size,
    decoder: z
      .looseObject({
        filename: z.string().nullish(),
        head_size: size,
        hidden_size: size,
        num_attention_heads: size,
        num_key_value_heads: size,
      })
      .nullish(),
  }),
  search: z
    .looseObject({
      do_sample: z.boolean().nullish(),
      temperature: z.number().nonnegative().nullish(),
      top_k: id.nullish(),
      top_p: z.number().min(0).max(1).nullish(),
      repetition_penalty: z.number().positive().nullish(),
    })
    .nullish(),
});

/** What onnxruntime-genai is told of a model, in `genai_config.json`; null where there is none. Throws a `ModelError` for a damaged file. */
export function readGenaiConfig(folder: string): z.infer<typeof genaiConfig> | null {
  return readJson(join(folder, 'genai_config.json'), genaiConfig);
}
