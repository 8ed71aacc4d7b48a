import { readsOf } from '../../../runtime/onnx/captures.ts';
import { decodeModel, encodeModel } from '../../../runtime/onnx/proto.ts';

/** A model without the nodes and weights that none of its outputs needs. */
export function withoutUnneeded(bytes: Uint8Array): Uint8Array {
  const proto = decodeModel(bytes);
  const graph = proto.graph!;
  const needed = new Set(graph.output.map(({ name }) => name));
  const kept = new Set<(typeof graph.node)[number]>();
  // The nodes may stand in any order.
  for (const name of needed) {
    const maker = graph.node.find(({ output }) => output.includes(name));
    if (!maker || kept.has(maker)) continue;
    kept.add(maker);
    for (const read of readsOf(maker)) needed.add(read);
  }
  graph.node = graph.node.filter((node) => kept.has(node));
  graph.initializer = graph.initializer.filter(({ name }) => needed.has(name));
  graph.valueInfo = graph.valueInfo.filter(({ name }) => needed.has(name));
  return encodeModel(proto);
}
