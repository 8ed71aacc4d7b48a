import { intAttribute } from './attributes.ts';
import { isGroupQueryAttention } from './group-query.ts';
import { integerConstants } from './integer-constants.ts';
import type { OnnxModel } from './model.ts';
import type { Dim, ModelTensor } from './model-tensor.ts';
import type { NodeProto } from './proto.ts';

/** Operators whose output is as wide as their first input. */
const AS_WIDE = new Set([
  ...['RotaryEmbedding', 'LayerNormalization', 'SimplifiedLayerNormalization', 'RMSNormalization'],
  ...['Cast', 'Identity', 'QuantizeLinear', 'DequantizeLinear'],
]);

/** What files beside a model tell of the dims of its key-value cache; null for what they do not. */
export interface CacheSizes {
  readonly heads: number | null;
  readonly headSize: number | null;
}

/** An input of the key-value cache: float [batch, heads, past, features]. */
const KEY_VALUE = /^past.*(key|value)/;

/**
 * The inputs of a model, with the number of heads and the size of one in those of the key-value cache where the file has
 * names for them (`kv_cache_dim`): as wide as GroupQueryAttention, which takes the cache, makes it from its keys or values;
 * else what the files beside the model tell.
 */
export function withHeadSizes(inputs: readonly ModelTensor[], model: OnnxModel): readonly ModelTensor[] {
  const graph = withGraphSizes(inputs, model);
  const { heads, headSize } = model.cache ?? { heads: null, headSize: null };
  return graph.map((input) => {
    if (input.dims?.length !== 4 || !KEY_VALUE.test(input.name)) return input;
    const [batch, count, past, size] = input.dims as [Dim, Dim, Dim, Dim];
    const told = (dim: Dim, known: number | null) => (typeof dim === 'number' ? dim : (known ?? dim));
    // Where the heads stand beside each other in one dim, that is named like the batch.
    return { ...input, dims: [batch, count === batch ? count : told(count, heads), past, told(size, headSize)] };
  });
}

function withGraphSizes(inputs: readonly ModelTensor[], model: OnnxModel): readonly ModelTensor[] {
  if (!inputs.some(({ dims }) => typeof dims?.at(-1) === 'string')) return inputs;
  const widthOf = widths(model);
  const sizes = new Map(
    model.graph.node.filter(isGroupQueryAttention).flatMap((node) => {
      const size = headSize(node, widthOf);
      return size === null ? [] : [3, 4].map((i) => [node.input[i] ?? '', size] as const);
    }),
  );
  return inputs.map((input) => {
    const size = sizes.get(input.name);
    if (size === undefined || typeof input.dims?.at(-1) !== 'string') return input;
    return { ...input, dims: [...input.dims.slice(0, -1), size] };
  });
}

/** Null where the graph does not tell it. */
function headSize(node: NodeProto, widthOf: (tensor: string) => number | null): number | null {
  const [heads, ofKeys] = [intAttribute(node, 'num_heads'), intAttribute(node, 'kv_num_heads')];
  if (!heads || !ofKeys) return null;
  const [query = '', key = '', value = ''] = node.input;
  // Queries, keys and values stand side by side where there are no keys of their own.
  const [count, tensors] = key === '' ? [heads + 2 * ofKeys, [query]] : [ofKeys, [key, value]];
  const [width = null] = tensors.map(widthOf).filter((one) => one !== null);
  return width !== null && width % count === 0 ? width / count : null;
}

/** The last dim of tensors; null where it is not told by what makes them. */
function widths(model: OnnxModel): (tensor: string) => number | null {
  const integers = integerConstants(model);
  /** The width, or the tensors that are as wide, the surest one last. */
  const told = (tensor: string): number | null | readonly string[] => {
    const initializer = model.initializers.get(tensor);
    if (initializer) return Number(initializer.dims.at(-1));
    const maker = model.makerOf(tensor);
    if (!maker) return null;
    const [data = '', second = ''] = maker.input;
    if (AS_WIDE.has(maker.opType)) return [data];
    switch (maker.opType) {
      case 'MatMul':
        return [second];
      case 'MatMulNBits':
      case 'MatMulBnb4':
        return intAttribute(maker, 'N');
      // A bias is as wide as what it is added to.
      case 'Add':
        return [data, second];
      case 'Reshape':
        return known(integers(second).at(-1));
      case 'Split':
        return known(integers(second)[maker.output.indexOf(tensor)]);
      default:
        return null;
    }
  };
  return (tensor) => {
    const asked = new Set<string>();
    const open = [tensor];
    for (let name = open.pop(); name !== undefined; name = open.pop()) {
      if (asked.has(name)) continue;
      asked.add(name);
      const found = told(name);
      if (typeof found === 'number') return found;
      open.push(...(found ?? []));
    }
    return null;
  };
}

/** A size that is a number: not the dim's own, and not the rest. */
function known(size: number | undefined): number | null {
  return size !== undefined && size > 0 ? size : null;
}
