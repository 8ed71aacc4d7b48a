import type { TensorType } from '../graph/types.ts';
import { intAttribute } from '../onnx/attributes.ts';
import { CONTRIB } from '../onnx/domains.ts';
import type { NodeProto } from '../onnx/proto.ts';

interface Types<B> {
  type(tensor: string): TensorType | undefined;
  batching(tensor: string): B;
}

/** The type of the scores and probabilities inside of an operator that does attention: [batch, heads, places, keys]. */
export function insideType<B>(node: NodeProto, { type, batching }: Types<B>): { type: TensorType; batching: B } {
  const at = (name: string | undefined) => (name ? type(name) : undefined);
  const [query, key] = [node.input[0]!, node.input[1]];
  const shape = at(query)?.shape ?? [null, null, null];
  const apart = shape.length === 4;
  const heads = intAttribute(node, 'num_heads') ?? intAttribute(node, 'q_num_heads') ?? (apart ? shape[1]! : null);
  const places = (apart ? shape[2] : shape[1]) ?? null;
  const keys = keysOf(node, at, { key: at(key)?.shape ?? null, places });
  const { dtype } = at(node.opType === 'QAttention' ? node.input[3] : query) ?? { dtype: 'float32' as const };
  return { type: { dtype, shape: [shape[0]!, heads, places, keys] }, batching: batching(query) };
}

/** How many keys there are: those of the cache and new ones. */
function keysOf(
  { opType, domain, input, output }: NodeProto,
  at: (name: string | undefined) => TensorType | undefined,
  { key, places }: { readonly key: TensorType['shape']; readonly places: number | null },
): number | null {
  if (opType === 'GroupQueryAttention') {
    if (!input[3]) return places;
    const past = at(input[3])?.shape?.[2] ?? null;
    return past === null || places === null ? null : past + places;
  }
  // What is kept for the next step has a place for each key.
  if (output[1]) return at(output[1])?.shape?.at(-2) ?? null;
  const makesKeys = domain === CONTRIB && opType !== 'MultiHeadAttention';
  return makesKeys ? places : ((key?.length === 4 ? key[2] : key?.[1]) ?? null);
}
