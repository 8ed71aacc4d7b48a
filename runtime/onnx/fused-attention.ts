import { CONTRIB, isStandard } from './domains.ts';
import type { NodeProto } from './proto.ts';

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
