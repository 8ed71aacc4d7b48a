import { type Envoy, TraceError } from '../index.ts';
import { callerSite } from '../tracing/caller.ts';

/**
 * The names that transformers' architectures have for the same parts, as nnterp lists them, and those of encoders beside
 * them. The first one that a module has is taken.
 */
const NAMES = {
  layers: ['h', 'layers', 'layer', 'blocks', 'block'],
  self_attn: ['self_attn', 'attn', 'attention', 'self_attention', 'norm_attn_norm', 'SelfAttention'],
  cross_attn: ['encoder_attn', 'EncDecAttention', 'crossattention', 'cross_attn', 'cross_attention'],
  mlp: ['mlp', 'ffn', 'feed_forward', 'block_sparse_moe', 'DenseReluDense'],
  ln_final: [
    ...['ln_f', 'final_layer_norm', 'final_layernorm', 'final_norm_layernorm', 'norm_f', 'norm', 'embedding_norm'],
    ...['ln_final', 'layernorm', 'layer_norm', 'post_layernorm', 'final_norm', 'emb_layer_norm_after'],
  ],
  lm_head: [
    ...['lm_head', 'proj_out', 'embed_out', 'output_projection', 'classifier', 'cls', 'qa_outputs'],
    ...['visual_projection', 'text_projection', 'class_labels_classifier'],
  ],
  embed_tokens: [
    ...['embed_tokens', 'wte', 'embed_in', 'word_embeddings', 'tok_embeddings', 'token_embedding'],
    ...['patch_embeddings', 'patch_embedding'],
  ],
  projection: ['c_proj', 'o_proj', 'dense', 'out_proj', 'out_lin', 'output', 'o'],
} as const;

export type StandardName = keyof typeof NAMES;

/** What a module of each name is. */
const MEANS: Readonly<Record<StandardName, string>> = {
  layers: 'the list of layers',
  self_attn: 'attention',
  cross_attn: 'attention to what the encoder made',
  mlp: 'the MLP',
  ln_final: 'the norm behind the last layer',
  lm_head: 'what gives the logits',
  embed_tokens: 'the embeddings of tokens',
  projection: 'the last linear layer of attention',
};

/** The standard modules of a model. Those that it lacks are told by `missing`. */
export interface Standard {
  readonly layers: Envoy;
  /** The module that the list of layers stands in. */
  readonly around: Envoy;
  readonly self_attn: readonly (Envoy | null)[];
  readonly cross_attn: readonly (Envoy | null)[];
  readonly mlp: readonly (Envoy | null)[];
  readonly ln_final: Envoy | null;
  readonly lm_head: Envoy | null;
  readonly embed_tokens: Envoy | null;
}

/**
 * Finds the parts of a transformer by the names that architectures have for them.
 * @param within the module that has the layers: the model itself, or one of its several transformers
 * @throws TraceError where there is no list of layers, or there are several
 */
export function standardModules(model: Envoy, within: Envoy = model): Standard {
  const lists = layersIn(within);
  const [found, ...others] = lists;
  if (!found) throw new TraceError(missing('layers', within), callerSite());
  if (others.length > 0) {
    throw new TraceError(
      `${within.path || 'The model'} has several lists of layers (${lists.map(({ layers }) => layers.path).join(', ')}): say in which module to look, { within: '…' }.`,
      callerSite(),
    );
  }
  const { layers, around } = found;
  const all = Array.from(layers);
  return {
    layers,
    around: around[0]!,
    self_attn: all.map((layer) => part(layer, 'self_attn')),
    cross_attn: all.map((layer) => part(layer, 'cross_attn')),
    mlp: all.map((layer) => part(layer, 'mlp')),
    // Beside the layers, or around the module that they stand in.
    ln_final: firstOf(around, (one) => child(one, 'ln_final', namesBehind(layers, one))),
    lm_head: isBesideDecoder(within, model)
      ? null
      : firstOf([...around, model], (one) => child(one, 'lm_head', namesWithoutOther(one, within))),
    embed_tokens: firstOf(around, (one) => below(one, 'embed_tokens', layers)),
  };
}

/** The last linear layer of attention, whose input holds the heads side by side; null for one that has none. */
export function projectionOf(attention: Envoy): Envoy | null {
  const found = child(attention, 'projection');
  // BERT has a module around it.
  return found && (child(found, 'projection') ?? found);
}

/** Why a model has no module of a standard name. */
export function missing(name: StandardName, within: Envoy): string {
  const names = Object.keys(within);
  const order = name === 'ln_final' && names.length > 1 ? ', which run in this order' : '';
  const has = names.length === 0 ? 'no modules in it' : `${names.join(', ')}${order}`;
  return `${within.path || 'The model'} has no module that is ${MEANS[name]} (${name}): it has ${has}.`;
}

interface Layers {
  readonly layers: Envoy;
  /** The modules around the list, from the inside out. */
  readonly around: readonly Envoy[];
}

/** The outermost lists of layers. */
function layersIn(model: Envoy): Layers[] {
  const found = child(model, 'layers');
  if (found && isList(found)) return [{ layers: found, around: [model] }];
  return Object.keys(model).flatMap((name) =>
    layersIn(model.get(name)).map(({ layers, around }) => ({ layers, around: [...around, model] })),
  );
}

/** Whether a module is a list of modules that have modules in them. */
function isList(module: Envoy): boolean {
  return Number(module.length) > 0 && Array.from(module).every((one) => Object.keys(one).length > 0);
}

/** The modules of one, without the projection of the other transformer in a model of texts and pictures. */
function namesWithoutOther(module: Envoy, { path }: Envoy): string[] {
  const other = path.startsWith('text') ? 'visual_projection' : path.startsWith('vision') ? 'text_projection' : null;
  return Object.keys(module).filter((name) => name !== other);
}

/** The modules of one that begin to run after the layers in it: wav2vec 2.0's norm of the same name runs before. */
function namesBehind(layers: Envoy, around: Envoy): string[] {
  const names = Object.keys(around);
  const first = names.findIndex((name) => `${layers.path}.`.startsWith(`${around.get(name).path}.`));
  return names.slice(first + 1);
}

function child(module: Envoy, name: StandardName, names = Object.keys(module)): Envoy | null {
  const [found] = NAMES[name].filter((one) => names.includes(one));
  return found === undefined ? null : module.get(found);
}

/** A part of a layer: in itself, or in one of the parts that it is a list of, as in T5. */
function part(layer: Envoy, name: StandardName): Envoy | null {
  const own = child(layer, name);
  // MobileBERT has a list of several MLPs, none of which is that of the layer.
  const found = own && Object.keys(own).includes('0') ? null : own;
  if (found || !Object.keys(layer).includes('layer')) return found;
  return firstOf(Array.from(layer.get('layer')), (one) => child(one, name));
}

/** Whether a transformer is the encoder of a model with a decoder, whose logits are not made of what it gives. */
function isBesideDecoder({ path }: Envoy, model: Envoy): boolean {
  const around = /^(?:(.+)\.)?encoder$/.exec(path);
  return around !== null && Object.keys(around[1] ? model.get(around[1]) : model).includes('decoder');
}

/** The first module of a standard name in a module or in those in it, the layers aside. */
function below(module: Envoy, name: StandardName, layers: Envoy): Envoy | null {
  const found = child(module, name);
  if (found) return found;
  const inner = Object.keys(module).map((one) => module.get(one));
  return firstOf(
    inner.filter(({ path }) => path !== layers.path),
    (one) => below(one, name, layers),
  );
}

function firstOf<T>(modules: readonly Envoy[], find: (module: Envoy) => T | null): T | null {
  for (const module of modules) {
    const found = find(module);
    if (found !== null) return found;
  }
  return null;
}
