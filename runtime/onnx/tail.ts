import { readsOf } from './captures.ts';
import { isExternal } from './external.ts';
import { makeGraph, makeModelLike, makeValueInfo } from './make.ts';
import type { OnnxModel } from './model.ts';
import { encodeModel, type NodeProto } from './proto.ts';

/** The nodes of a model that make one tensor of others. */
export interface Tail {
  /** The tensors that are given to it. */
  readonly given: readonly string[];
  readonly nodes: readonly NodeProto[];
}

/**
 * The last nodes of a model before a tensor, down to tensors that `isGiven` takes and to the model's inputs. Null where the
 * model does not make the tensor, or a weight that one of them reads stands outside of the graph.
 */
export function tailOf(
  { graph, links, initializers }: OnnxModel,
  tensor: string,
  isGiven: (tensor: string) => boolean,
) {
  const given = new Set<string>();
  const kept = new Set<number>();
  const needed = new Set([tensor]);
  for (const name of needed) {
    const initializer = initializers.get(name);
    if (initializer && isExternal(initializer)) return null;
    if (initializer) continue;
    const maker = links.maker.get(name);
    if (maker === undefined || (name !== tensor && isGiven(name))) given.add(name);
    else if (!kept.has(maker)) {
      kept.add(maker);
      for (const read of readsOf(graph.node[maker]!)) needed.add(read);
    }
  }
  if (given.has(tensor)) return null;
  return { given: [...given], nodes: graph.node.filter((_, index) => kept.has(index)) } satisfies Tail;
}

/**
 * A model of a tail alone.
 * @param type the ONNX element type of each tensor that is given
 */
export function tailModel(
  { proto, graph }: OnnxModel,
  { given, nodes }: Tail,
  tensor: string,
  type: (given: string) => number,
): Uint8Array {
  const read = new Set(nodes.flatMap(readsOf));
  const inputs = given.map((name) => makeValueInfo(name, type(name)));
  const weights = graph.initializer.filter(({ name }) => read.has(name));
  return encodeModel(makeModelLike(proto, makeGraph('tail', nodes, inputs, [makeValueInfo(tensor)], weights)));
}
