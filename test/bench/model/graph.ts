import { TensorProto_DataType as DataType, type NodeProto } from 'onnx-buf';
import { Exporter, type Scope } from './exporter.ts';
import type { Sizes } from './sizes.ts';

/** The initializer that holds the head: the exporter folds the transposed embedding into one of its own. */
export const HEAD = 'onnx::MatMul_1070';

/** The main output of a layer. */
export const layerOutput = (layer: number) => `/transformer/h.${layer}/Add_1_output_0`;

/** The keys or values of a layer: those of earlier tokens, and with those of this run's. */
export const cacheNames = (layer: number, part: 'key' | 'value') => ({
  past: `past_key_values.${layer}.${part}`,
  present: `present.${layer}.${part}`,
});

/**
 * The nodes of a GPT-2, in the order and under the names of the TorchScript exporter.
 * @param isCached whether the model goes on from a key-value cache, which it gives, too
 */
export function gpt2Nodes(sizes: Sizes, isCached = false): NodeProto[] {
  const exporter = new Exporter();
  const transformer = exporter.scope('/transformer');
  const { embedded, mask, sequence } = embed(transformer, isCached);
  let hidden = embedded;
  const width = transformer.lastSize(hidden);
  for (let i = 0; i < sizes.layers; i++) {
    hidden = layer(transformer.child(`h.${i}`), hidden, mask, sizes, isCached ? i : null);
  }
  hidden = layerNorm(transformer.child('ln_f'), hidden);
  const any = transformer.constant([-1]);
  const shape = transformer.concat(any, transformer.listed(sequence), transformer.listed(width));
  exporter.scope('/lm_head').op('MatMul', [transformer.reshape(hidden, shape), HEAD]);
  exporter.lastNode.output = ['logits'];
  return exporter.nodes;
}

/** Token and position embeddings, and the causal mask with the padding in it. */
function embed(t: Scope, isCached: boolean) {
  const sequence = t.size('input_ids', 1);
  const ids = t.reshape('input_ids', t.concat(t.constant([-1]), t.listed(sequence)));
  const batch = t.size(ids, 0);
  const words = t.child('wte').op('Gather', ['transformer.wte.weight', ids]);
  const length = t.size(words, 1);
  const range = (end: string) => t.op('Range', [t.constant(0), t.cast(end, DataType.INT64), t.constant(1)]);
  const positions = t.unsqueeze(isCached ? behindCache(t, length) : range(length), 0);
  const places = t.child('wpe').op('Gather', ['transformer.wpe.weight', positions]);
  const embedded = t.op('Add', [words, t.cast(places, DataType.FLOAT)]);
  const padding = t.cast(t.reshape('attention_mask', t.concat(t.listed(batch), t.constant([-1]))), DataType.BOOL);
  const keys = t.size(padding, 1);
  const rows = t.size(words, 0);
  const row = t.unsqueeze(range(rows), 1, 2, 3);
  const query = t.unsqueeze(positions, 1, 3);
  const key = t.unsqueeze(range(keys), 0, 1, 2);
  const causal = t.cast(t.op('LessOrEqual', [key, query]), DataType.BOOL);
  // The padding of every row, looked up in the flat mask.
  const stride = t.op('Gather', [t.op('Shape', [padding]), t.constant([1])], { axis: { int: 0 } });
  const flat = t.op('Flatten', [padding], { axis: { int: 2 } });
  const entries = t.op('Add', [key, t.op('Mul', [row, stride])]);
  const found = t.op('Gather', [flat, entries], { axis: { int: 0 } });
  const shape = t.op('Shape', [entries]);
  const seen = t.cast(t.reshape(t.reshape(found, t.constant([-1])), t.concat(shape)), DataType.BOOL);
  const allowed = t.op('And', [causal, seen]);
  const whole = t.concat(t.unsqueeze(rows, 0), t.constant([-1]), t.unsqueeze(length, 0), t.unsqueeze(keys, 0));
  const wanted = t.reshape(whole, t.constant([-1]));
  const one = t.ones(t.op('Shape', [wanted]));
  const open = t.op('Equal', [wanted, t.op('Mul', [one, t.constant(-1)])]);
  const expanded = t.op('Expand', [allowed, t.op('Where', [open, one, wanted])]);
  const mask = t.op('Where', [expanded, t.constant(0, 'float32'), t.constant(-3.4028234663852886e38, 'float32')]);
  return { embedded, mask, sequence };
}

/** The positions of this run's tokens behind those of the cache. */
function behindCache(t: Scope, length: string): string {
  const start = t.size(cacheNames(0, 'key').past, 2);
  return t.op('Range', [start, t.cast(t.op('Add', [start, length]), DataType.INT64), t.constant(1)]);
}

/** @param cached the number of the layer, if it has a cache */
function layer(h: Scope, input: string, mask: string, sizes: Sizes, cached: number | null): string {
  const attended = attention(h.child('attn'), layerNorm(h.child('ln_1'), input), mask, sizes, cached);
  const middle = h.op('Add', [attended, input]);
  const mlp = h.child('mlp');
  const wide = linear(mlp.child('c_fc'), layerNorm(h.child('ln_2'), middle), 4 * sizes.width);
  return h.op('Add', [middle, linear(mlp.child('c_proj'), gelu(mlp.child('act'), wide), sizes.width)]);
}

function layerNorm(ln: Scope, input: string): string {
  const name = parameter(ln);
  const attributes = { axis: { int: -1 }, epsilon: { float: 1e-5 } };
  return ln.op('LayerNormalization', [input, `${name}.weight`, `${name}.bias`], attributes);
}

/** transformers' Conv1D: a matrix product over the flattened rows. */
function linear(c: Scope, input: string, width: number): string {
  const [batch, sequence] = [c.size(input, 0), c.size(input, 1)];
  const inner = c.lastSize(input);
  const rows = c.reshape(input, c.concat(c.constant([-1]), c.listed(inner)));
  const name = parameter(c);
  const attributes = { alpha: { float: 1 }, beta: { float: 1 } };
  const product = c.op('Gemm', [rows, `${name}.weight`, `${name}.bias`], attributes);
  return c.reshape(product, c.concat(c.listed(batch), c.listed(sequence), c.constant([width])));
}

function attention(a: Scope, input: string, mask: string, { width, heads }: Sizes, cached: number | null): string {
  const all = linear(a.child('c_attn'), input, 3 * width);
  const sizes = a.constant([width, width, width]);
  const [query, key, value] = a.ops('Split', [all, sizes], 3, { axis: { int: 2 } });
  const apart = (tensor: string) => {
    const [batch, sequence] = [a.size(tensor, 0), a.size(tensor, 1)];
    const shape = a.concat(a.listed(batch), a.listed(sequence), a.constant([-1]), a.constant([width / heads]));
    return a.reshape(tensor, shape);
  };
  /** The keys or values of this run's tokens behind those of earlier ones: [batch, head, token, feature]. */
  const withPast = (own: string, part: 'key' | 'value') => {
    if (cached === null) return own;
    const { past, present } = cacheNames(cached, part);
    a.op('Concat', [past, own], { axis: { int: 2 } });
    a.lastNode.output = [present];
    return present;
  };
  const keys = apart(key!);
  const values = withPast(a.transpose(apart(value!), 0, 2, 1, 3), 'value');
  const queries = a.transpose(apart(query!), 0, 2, 1, 3);
  // Without a cache the exporter makes one of the two transpositions of the keys.
  const turned =
    cached === null
      ? a.transpose(keys, 0, 2, 3, 1)
      : a.transpose(withPast(a.transpose(keys, 0, 2, 1, 3), 'key'), 0, 1, 3, 2);
  const scores = a.op('MatMul', [queries, turned]);
  const scaled = a.op('Mul', [scores, a.constant((width / heads) ** -0.5, 'float32')]);
  const pattern = a.op('Softmax', [a.op('Add', [scaled, mask])], { axis: { int: -1 } });
  const mixed = a.transpose(a.op('MatMul', [a.cast(pattern, DataType.FLOAT), values]), 0, 2, 1, 3);
  const [batch, sequence] = [a.size(mixed, 0), a.size(mixed, 1)];
  const joined = a.reshape(mixed, a.concat(a.listed(batch), a.listed(sequence), a.constant([-1])));
  return linear(a.child('c_proj'), joined, width);
}

/** GPT-2's approximation by tanh. */
function gelu(act: Scope, x: string): string {
  const number = (value: number) => act.constant(value, 'float32');
  const half = act.op('Mul', [x, number(0.5)]);
  const cubed = act.op('Mul', [act.op('Pow', [x, number(3)]), number(0.044714998453855515)]);
  const bent = act.op('Tanh', [act.op('Mul', [act.op('Add', [x, cubed]), number(0.7978845834732056)])]);
  return act.op('Mul', [half, act.op('Add', [bent, number(1)])]);
}

/** The path of a module as its parameters have it. */
function parameter({ path }: Scope): string {
  return path.slice(1).replaceAll('/', '.');
}
