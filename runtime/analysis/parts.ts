import { type Envoy, type LanguageModel, TraceError } from '../index.ts';
import { callerSite } from '../tracing/caller.ts';

/** Where a transformer has its parts, as paths of modules; the first three begin at a layer. */
export interface Parts {
  /** Gives what attention adds to the residual stream: float [batch, position, features]. */
  readonly attention: string;
  /** Gives what the MLP adds to it. */
  readonly mlp: string;
  /** The last linear layer of attention, whose input holds the heads, side by side or apart. */
  readonly projection: string;
  /** The list of layers. */
  readonly layers: string;
  /** The norm in front of the unembedding. */
  readonly norm: string;
  /** The linear layer that gives the logits. */
  readonly unembedding: string;
}

const gpt2: Parts = {
  attention: 'attn',
  mlp: 'mlp',
  projection: 'attn.c_proj',
  layers: 'transformer.h',
  norm: 'transformer.ln_f',
  unembedding: 'lm_head',
};
const llama: Parts = {
  attention: 'self_attn',
  mlp: 'mlp',
  projection: 'self_attn.o_proj',
  layers: 'model.layers',
  norm: 'model.norm',
  unembedding: 'lm_head',
};
const neox: Parts = {
  attention: 'attention',
  mlp: 'mlp',
  projection: 'attention.dense',
  layers: 'gpt_neox.layers',
  norm: 'gpt_neox.final_layer_norm',
  unembedding: 'embed_out',
};

/** The modules of a transformer's parts. */
export interface Transformer {
  readonly layers: readonly Layer[];
  readonly norm: Envoy;
  readonly unembedding: Envoy;
}

export interface Layer {
  readonly whole: Envoy;
  readonly attention: Envoy;
  readonly mlp: Envoy;
  readonly projection: Envoy;
}

/**
 * The parts of a model: where they are given, or by the names that GPT-2, Llama (and Mistral, Qwen and others that follow
 * it) and GPT-NeoX have. Throws a TraceError where no names fit.
 */
export function transformer(model: LanguageModel, given?: Parts): Transformer {
  const found = given ? at(model, given) : [gpt2, llama, neox].map((parts) => tried(model, parts)).find(Boolean);
  if (found) return found;
  throw new TraceError(
    `The model has none of the names that are known (${[gpt2, llama, neox].map(({ layers }) => layers).join(', ')}): say where its parts are, { parts: { layers: 'decoder.layers', attention: 'attn', … } }.`,
    callerSite(),
  );
}

function tried(model: LanguageModel, parts: Parts): Transformer | null {
  try {
    return at(model, parts);
  } catch {
    return null;
  }
}

function at(model: LanguageModel, { layers, attention, mlp, projection, norm, unembedding }: Parts): Transformer {
  return {
    layers: Array.from(model.get(layers), (whole) => ({
      whole,
      attention: whole.get(attention),
      mlp: whole.get(mlp),
      projection: whole.get(projection),
    })),
    norm: model.get(norm),
    unembedding: model.get(unembedding),
  };
}
