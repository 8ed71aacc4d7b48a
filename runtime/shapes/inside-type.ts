import type { TensorType } from '../graph/types.ts';
import { intAttribute } from '../onnx/attributes.ts';
import { CONTRIB } from '../onnx/domains.ts';
import type { NodeProto } from '../onnx/proto.ts';
import { isExperts, partsOf } from '../onnx/written-out.ts';

interface Types<B> {
  type(tensor: string): TensorType | undefined;
  batching(tensor: string): B;
}

interface Typed<B> {
  readonly type: TensorType;
  readonly batching: B;
}

/** The type of a tensor inside of an operator. */
export function insideType<B>(node: NodeProto, tensor: string, types: Types<B>): Typed<B> {
  return isExperts(node) ? insideExperts(node, tensor, types) : insideAttention(node, types);
}

/** Scores and probabilities: [batch, heads, places, keys]. */
function insideAttention<B>(node: NodeProto, { type, batching }: Types<B>): Typed<B> {
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

/**
 * Of experts: scores and probabilities [batch, places, experts], neurons and what experts make [batch, experts, places, width],
 * or the same without a batch.
 */
function insideExperts<B>(node: NodeProto, tensor: string, { type, batching }: Types<B>): Typed<B> {
  const at = (index: number) => type(node.input[index] ?? '');
  const isQuantized = node.opType === 'QMoE';
  const { dtype, shape } = at(0) ?? { dtype: 'float32' as const, shape: null };
  const [places, width] = [shape?.slice(0, -1) ?? [null, null], shape?.at(-1) ?? null];
  const [count = null, first = null] = at(2)?.shape ?? [];
  const packed = at(isQuantized ? 5 : 4)?.shape?.[2] ?? null;
  const inner =
    packed === null ? null : (packed * 8) / (isQuantized ? (intAttribute(node, 'expert_weight_bits') ?? 4) : 8);
  const names = partsOf(node);
  const [one, two] = names.filter(({ opType }) => opType === 'MatMul');
  const byExpert = (last: number | null) => [...places.slice(0, -1), count, ...places.slice(-1), last];
  const sizes = new Map([
    [one!.input, [...places.slice(0, -1), 1, ...places.slice(-1), width]],
    [one!.output, byExpert(first)],
    [two!.input, byExpert(inner)],
    [two!.output, byExpert(width)],
    [names.at(-1)!.input, byExpert(width)],
    [names.at(-1)!.output, [...places, width]],
  ]);
  return { type: { dtype, shape: sizes.get(tensor) ?? [...places, count] }, batching: batching(node.input[0]!) };
}
