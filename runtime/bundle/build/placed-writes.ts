import type { Lowered } from '../../lowering/lower.ts';
import { readsOf } from '../../onnx/captures.ts';
import { makeNode } from '../../onnx/make.ts';
import type { OnnxModel } from '../../onnx/model.ts';
import type { NodeProto } from '../../onnx/proto.ts';
import { renameReads } from '../../onnx/rename.ts';

const WRITTEN = 'onnsight/written_';

/**
 * Lets a module keep its output when the model is opened again: a value that was written to a tensor passes
 * through a node that belongs to the module that made the tensor.
 * @param prefix begins the names of these nodes, and no other names
 * @returns the nodes, and the new names of outputs
 */
export function placeWrites(
  { graph }: OnnxModel,
  nodes: readonly NodeProto[],
  { writes, outputs }: Pick<Lowered, 'writes' | 'outputs'>,
  prefix: string,
): { nodes: NodeProto[]; outputs: string[] } {
  const makers = new Map(graph.node.flatMap((node) => node.output.map((name) => [name, node] as const)));
  const placed = new Map<string, { name: string; node: NodeProto }>();
  for (const [i, { tensor, name }] of writes.entries()) {
    const maker = makers.get(tensor);
    if (!maker || placed.has(name)) continue;
    const output = `${WRITTEN}${i}`;
    placed.set(name, { name: output, node: passing(name, output, maker, `${prefix}output_${i}`) });
  }
  const isOriginal = (node: NodeProto) => node.output.some((name) => makers.has(name));
  const renamed = nodes.map((node) =>
    isOriginal(node) ? renameReads(node, (name) => placed.get(name)?.name ?? name) : node,
  );
  const moved = outputs.map((name) => placed.get(name)?.name ?? name);
  const read = new Set([...renamed.flatMap(readsOf), ...moved]);
  const given = [...placed].filter(([name]) => !nodes.some((node) => node.output.includes(name)));
  const result = given.map(([, { node }]) => node);
  for (const node of renamed) {
    result.push(node);
    for (const name of node.output) if (placed.has(name)) result.push(placed.get(name)!.node);
  }
  const isRead = ({ output }: NodeProto) => !output[0]?.startsWith(WRITTEN) || read.has(output[0]);
  return { nodes: result.filter(isRead), outputs: moved };
}

function passing(input: string, output: string, maker: NodeProto, name: string): NodeProto {
  const scope = maker.name.slice(0, maker.name.lastIndexOf('/') + 1);
  return { ...makeNode('Identity', [input], [output], {}, scope + name), metadataProps: maker.metadataProps };
}
