import { CONTRIB } from './domains.ts';
import { isFusedAttention } from './fused-attention.ts';
import type { NodeProto } from './proto.ts';

/** An operation inside of an operator that does the work of many, where that is written out: what goes into it, and what it makes. */
export interface Part {
  readonly opType: string;
  readonly input: string;
  readonly output: string;
}

/** Whether a node sends each token through some of several experts, that a router chooses. */
export function isExperts({ opType, domain }: NodeProto): boolean {
  return domain === CONTRIB && (opType === 'MoE' || opType === 'QMoE');
}

/** The operations by which what is inside of a node can be told, in their order; none of a node that is not written out. */
export function partsOf(node: NodeProto): readonly Part[] {
  return kindsOf(node).map((opType, i, all) => {
    const at = `${opType}${all.slice(0, i).filter((one) => one === opType).length}:${node.output.find(Boolean)}`;
    return { opType, input: `${INSIDE}input:${at}`, output: `${INSIDE}output:${at}` };
  });
}

/** No file has these names: those of its tensors do not begin so. */
const INSIDE = 'onnsight:inside:';

/** Whether a tensor is inside of an operator. */
export function isInside(tensor: string): boolean {
  return tensor.startsWith(INSIDE);
}

function kindsOf(node: NodeProto): readonly string[] {
  if (isFusedAttention(node)) return ['Softmax'];
  if (!isExperts(node)) return [];
  // With weights of their own there is no softmax of the scores.
  const isWeighted = node.opType === 'QMoE' && !!node.input[14];
  return [...(isWeighted ? [] : ['Softmax']), 'MatMul', 'MatMul', 'ReduceSum'];
}
