import { CONTRIB } from './domains.ts';
import type { NodeProto } from './proto.ts';

export function isGroupQueryAttention({ opType, domain }: NodeProto): boolean {
  return opType === 'GroupQueryAttention' && domain === CONTRIB;
}
