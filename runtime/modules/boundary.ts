import { isFloat } from '../onnx/dtypes.ts';
import type { Links } from '../onnx/links.ts';
import type { GraphProto } from '../onnx/proto.ts';
import type { CallContext } from './call-context.ts';
import type { ModuleCall } from './module.ts';

/** The tensors that enter and leave the nodes of one call. */
export function describeCall(nodes: readonly number[], { graph, links, types }: CallContext): ModuleCall {
  const own = new Set(nodes);
  const isRead = (name: string, inside: boolean) =>
    (links.readers.get(name) ?? []).some((reader) => own.has(reader) === inside);
  const leaves = (name: string) => name !== '' && (links.outputs.has(name) || isRead(name, false));
  const made = nodes.flatMap((index) => graph.node[index]!.output.filter(leaves));
  const entered = nodes.flatMap((index) => links.reads[index]!.filter((name) => !own.has(links.maker.get(name) ?? -1)));
  const changes = (name: string) => !links.constant.has(name);
  // Activations first, then other data (the indices of a top-k), then sizes and positions.
  const rank = (name: string) => (isFloat(types.get(name)) ? 0 : links.structural.has(name) ? 2 : 1);
  const byRank = (names: readonly string[]) => [...names].sort((a, b) => rank(a) - rank(b));

  const changing = made.some(changes) ? made.filter(changes) : made;
  const floats = changing.filter((name) => rank(name) === 0);
  const main = mainOutput(floats, links, graph, (name) => isRead(name, false) && !isRead(name, true));
  const others = byRank(changing.filter((name) => name !== main && rank(name) < 2));
  const outputs = main === undefined ? others : [main, ...others];
  return {
    outputs: outputs.length === 0 ? changing.slice(-1) : outputs,
    inputs: byRank([...new Set(entered)].filter(changes)),
    nodes,
  };
}

/**
 * The last of the activations that leave a module; where the module returns several of a kind (the cosines and sines
 * of a rotary embedding), the first of those: they are made
 * by the same operator, or of the same tensors. `isEnd` tells whether the module itself does not use a tensor: a cache or a
 * residual stream that leaves a module is used in it as well.
 */
function mainOutput(
  floats: readonly string[],
  links: Links,
  graph: GraphProto,
  isEnd: (name: string) => boolean,
): string | undefined {
  const data = floats.filter((name) => !links.structural.has(name));
  const candidates = data.length > 0 ? data : floats;
  const ends = candidates.filter(isEnd);
  const last = candidates.at(-1);
  if (last === undefined || ends.at(-1) !== last) return last;
  const maker = (name: string) => graph.node[links.maker.get(name)!]!;
  const isKin = (name: string) =>
    maker(name).opType === maker(last).opType || maker(name).input.join() === maker(last).input.join();
  const other = ends.findLastIndex((name) => !isKin(name));
  return ends[other + 1];
}
