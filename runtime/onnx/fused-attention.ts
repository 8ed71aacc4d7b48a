import { CONTRIB, isStandard } from './domains.ts';
import type { NodeProto } from './proto.ts';

/** What is inside of an operator that does attention as a whole, by the names that it gets where the operator is written out. */
export interface Inside {
  /** What goes into the softmax: scaled and masked. */
  readonly scores: string;
  /** What comes out of it. */
  readonly probabilities: string;
}

const FUSED: ReadonlySet<string> = new Set([
  'Attention',
  'QAttention',
  'MultiHeadAttention',
  'GroupQueryAttention',
  'DecoderMaskedMultiHeadAttention',
  'PackedAttention',
  'PackedMultiHeadAttention',
  'PagedAttention',
  'SparseAttention',
  'LongformerAttention',
]);

/** Whether a node is attention as a whole, from queries, keys and values to what they give. */
export function isFusedAttention({ opType, domain }: NodeProto): boolean {
  return FUSED.has(opType) && (domain === CONTRIB || (isStandard({ domain }) && opType === 'Attention'));
}

/** No file has these names: those of its tensors do not begin so. */
export function insideOf({ output }: NodeProto): Inside {
  const made = output.find((name) => name !== '');
  return { scores: `onnsight:scores:${made}`, probabilities: `onnsight:probabilities:${made}` };
}

/** Whether a tensor is inside of an operator. */
export function isInside(tensor: string): boolean {
  return /^onnsight:(scores|probabilities):/.test(tensor);
}
