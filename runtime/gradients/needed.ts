import { readsOf } from '../onnx/captures.ts';
import type { NodeProto } from '../onnx/proto.ts';

/** The nodes that some tensors need, in order, and the inputs of these nodes. */
export function needed(
  nodes: readonly NodeProto[],
  outputs: readonly string[],
  given: ReadonlySet<string> = new Set(),
): { nodes: NodeProto[]; inputs: string[] } {
  const makers = new Map(nodes.flatMap((node, index) => node.output.map((tensor) => [tensor, index] as const)));
  const live = new Set<number>();
  const inputs = new Set<string>();
  const pending = [...outputs];
  for (let tensor = pending.pop(); tensor !== undefined; tensor = pending.pop()) {
    const maker = given.has(tensor) ? undefined : makers.get(tensor);
    if (maker === undefined) inputs.add(tensor);
    else if (!live.has(maker)) {
      live.add(maker);
      pending.push(...readsOf(nodes[maker]!));
    }
  }
  // A node that runs for one of its outputs makes the others, too.
  const isMade = (tensor: string) => live.has(makers.get(tensor) ?? -1);
  return {
    nodes: nodes.filter((_, index) => live.has(index)),
    inputs: [...inputs].filter((tensor) => !isMade(tensor)),
  };
}
