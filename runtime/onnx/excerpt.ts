import type { TensorType } from '../graph/types.ts';
import { makeValueInfo } from './make.ts';
import type { OnnxModel } from './model.ts';
import type { GraphProto } from './proto.ts';

/**
 * The part of a model's graph that makes some tensors: the nodes that make them, and those before these whose results are
 * sizes, or of a type that is not known. All other tensors that they read are its inputs.
 */
export function excerptOf(
  { graph, links }: OnnxModel,
  tensors: readonly string[],
  known: ReadonlyMap<string, TensorType>,
): GraphProto {
  const kept = new Set<number>();
  const wanted = new Set(tensors);
  const needed = new Set(tensors);
  const inputs = new Set<string>();
  // Iterating over a set includes elements that are added meanwhile.
  for (const name of needed) {
    const maker = links.maker.get(name);
    if (maker === undefined || kept.has(maker)) continue;
    const type = known.get(name);
    if (!wanted.has(name) && !links.structural.has(name) && isSure(type)) inputs.add(name);
    else {
      kept.add(maker);
      for (const read of links.reads[maker]!) needed.add(read);
    }
  }
  const given = [...inputs].filter((name) => !kept.has(links.maker.get(name)!));
  return {
    ...graph,
    node: graph.node.filter((_, index) => kept.has(index)),
    initializer: graph.initializer.filter(({ name }) => needed.has(name)),
    input: [
      ...graph.input,
      ...given.map((name) => makeValueInfo(name, known.get(name)!.dtype, known.get(name)!.shape)),
    ],
  };
}

/** What has no dimensions may be a tensor of which ONNX Runtime does not know how many it has. */
function isSure(type: TensorType | undefined): boolean {
  return type?.shape != null && type.shape.length > 0 && !type.shape.includes(null);
}
