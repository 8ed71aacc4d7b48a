import { readsOf } from '../onnx/captures.ts';
import { isFloat } from '../onnx/dtypes.ts';
import type { NodeProto } from '../onnx/proto.ts';
import type { Facts } from './facts.ts';
import { endsPath } from './rules/ends.ts';

/** The tensors that depend on some tensors in a differentiable way, with these. */
export function dependents(nodes: readonly NodeProto[], on: Iterable<string>, facts: Facts): ReadonlySet<string> {
  const active = new Set(on);
  for (const node of nodes) {
    if (endsPath(node) || !readsOf(node).some((tensor) => active.has(tensor))) continue;
    for (const tensor of node.output) if (tensor !== '' && hasGradient(tensor, facts)) active.add(tensor);
  }
  return active;
}

/** Whether a tensor may have a gradient: floats do, and so do tensors of unknown dtype, lest a path through them be lost in silence. */
export function hasGradient(tensor: string, facts: Facts): boolean {
  const type = facts.type(tensor);
  return type === 0 || isFloat(type);
}
