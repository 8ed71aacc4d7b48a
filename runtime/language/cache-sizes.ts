import { join } from 'node:path';
import * as z from 'zod';
import type { CacheSizes } from '../onnx/head-sizes.ts';
import { readGenaiConfig } from './genai-config.ts';
import { readJson } from './json-file.ts';

/** Of some models there is a list, with an entry for each layer. */
const count = z.number().int().positive().nullish().catch(null);
const heads = {
  num_key_value_heads: count,
  num_attention_heads: count,
  n_head: count,
  num_heads: count,
  head_dim: count,
  hidden_size: count,
  n_embd: count,
};
const config = z.looseObject({
  ...heads,
  multi_query: z.boolean().nullish(),
  text_config: z.looseObject({ ...heads, multi_query: z.boolean().nullish() }).nullish(),
});

/** What `config.json` and `genai_config.json` of a folder tell of the sizes of a key-value cache. */
export function cacheSizes(folder: string): CacheSizes {
  const whole = readJson(join(folder, 'config.json'), config) ?? {};
  const own = whole.text_config ?? whole;
  const built = readGenaiConfig(folder)?.model.decoder;
  const asking = own.num_attention_heads ?? own.n_head ?? own.num_heads ?? built?.num_attention_heads ?? null;
  const width = own.hidden_size ?? own.n_embd ?? built?.hidden_size ?? null;
  const size = asking === null || width === null || width % asking !== 0 ? null : width / asking;
  const shared = own.num_key_value_heads ?? built?.num_key_value_heads ?? null;
  return {
    heads: own.multi_query ? null : (shared ?? asking),
    headSize: own.head_dim ?? built?.head_size ?? size,
  };
}
