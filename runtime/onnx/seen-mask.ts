import { isFusedAttention } from './fused-attention.ts';
import { isGroupQueryAttention } from './group-query.ts';
import type { OnnxModel } from './model.ts';

/** What makes lengths and positions of a mask: attention is not kept from padding by these. */
const COUNTS = /^(CumSum|Shape|Size)$/;
/** The first input of an attention operator that may be a mask. */
const AFTER_VALUES = 3;

/**
 * Whether attention is kept from tokens by a mask: each operator of attention reads it, or a softmax does. A model without
 * attention has nothing that looks at other tokens in this way.
 */
export function seesMask({ plain }: OnnxModel, mask: string): boolean {
  const masked = new Set([mask]);
  let softmaxes = 0;
  let seen = 0;
  for (const node of plain.graph.node) {
    const { opType, input, output } = node;
    const isMasked = input.some((tensor) => masked.has(tensor));
    if (isFusedAttention(node)) {
      // That one is told how many tokens there are.
      if (!isGroupQueryAttention(node) && !input.slice(AFTER_VALUES).some((tensor) => masked.has(tensor))) return false;
    } else if (opType === 'Softmax') {
      softmaxes++;
      if (isMasked) seen++;
    } else if (isMasked && !COUNTS.test(opType)) for (const tensor of output) masked.add(tensor);
  }
  return softmaxes === 0 || seen > 0;
}
