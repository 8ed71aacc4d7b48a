import { intAttribute } from './attributes.ts';
import { CONTRIB } from './domains.ts';
import type { ModelTensor } from './model.ts';
import type { GraphProto, NodeProto, TensorProto } from './proto.ts';

/**
 * The inputs of a model, with the size of an attention head in those of the key-value cache where the file has a name for it
 * (`kv_cache_dim`): as wide as GroupQueryAttention, which takes the cache, makes it from what its keys are computed by.
 */
export function withHeadSizes(
  inputs: readonly ModelTensor[],
  graph: GraphProto,
  initializers: ReadonlyMap<string, TensorProto>,
): readonly ModelTensor[] {
  if (!inputs.some(({ dims }) => typeof dims?.at(-1) === 'string')) return inputs;
  const sizes = new Map(
    graph.node.filter(isGroupQueryAttention).flatMap((node) => {
      const size = headSize(node, graph, initializers);
      return size === null ? [] : [3, 4].map((i) => [node.input[i] ?? '', size] as const);
    }),
  );
  return inputs.map((input) => {
    const size = sizes.get(input.name);
    if (size === undefined || typeof input.dims?.at(-1) !== 'string') return input;
    return { ...input, dims: [...input.dims.slice(0, -1), size] };
  });
}

function isGroupQueryAttention({ opType, domain }: NodeProto): boolean {
  return opType === 'GroupQueryAttention' && domain === CONTRIB;
}

/** Null where the graph does not tell it. */
function headSize(node: NodeProto, graph: GraphProto, initializers: ReadonlyMap<string, TensorProto>): number | null {
  const [heads, ofKeys] = [intAttribute(node, 'num_heads'), intAttribute(node, 'kv_num_heads')];
  if (!heads || !ofKeys) return null;
  const [query = '', key = ''] = node.input;
  // Queries, keys and values stand side by side where there are no keys of their own.
  const [tensor, count] = key === '' ? [query, heads + 2 * ofKeys] : [key, ofKeys];
  const width = widthOf(tensor, graph, initializers);
  return width !== null && width % count === 0 ? width / count : null;
}

/** The last dim of what a linear layer gives. */
function widthOf(tensor: string, graph: GraphProto, initializers: ReadonlyMap<string, TensorProto>): number | null {
  const maker = graph.node.find(({ output }) => output.includes(tensor));
  if (maker?.opType === 'MatMulNBits') return intAttribute(maker, 'N');
  if (maker?.opType !== 'MatMul' && maker?.opType !== 'Add') return null;
  const [weight] = maker.input.flatMap((name) => initializers.get(name) ?? []);
  return weight ? Number(weight.dims.at(-1)) : null;
}
