import { isFloat } from '../onnx/dtypes.ts';
import type { CallContext } from './call-context.ts';

/**
 * Whether what leaves the module at `path` is the last tensor of a pyramid of convolutions: layers in a numbered list, each of
 * which takes what the one before it has made and a feature of its own that comes from elsewhere. Such a module (DPT's, a
 * pixel decoder's) mostly returns a list of what all its layers have made, of which only the last may be used.
 */
export function isPyramid(
  path: string,
  outputs: readonly string[],
  nodes: readonly number[],
  context: CallContext,
): boolean {
  const { graph, links, scopes } = context;
  const maker = outputs.length === 1 ? links.maker.get(outputs[0]!) : undefined;
  if (maker === undefined || !nodes.some((index) => graph.node[index]!.opType === 'Conv')) return false;
  const around = scopes[maker]!.modules;
  // A module around it may hand the list on.
  return around.slice(Math.max(around.indexOf(path), 0)).some((one) => {
    const own = nodes.filter((index) => scopes[index]!.modules.includes(one));
    const layers = layersOf(one, own, context).find((list) => list.at(-1)?.includes(maker));
    return layers !== undefined && areStacked(layers, new Set(own), context);
  });
}

/** The nodes of each module in the numbered lists of a module, by list and number. */
function layersOf(path: string, own: readonly number[], { scopes }: CallContext): number[][][] {
  const lists = new Map<string, number[][]>();
  for (const index of own) {
    const { modules } = scopes[index]!;
    const layer = modules[modules.indexOf(path) + 1]?.slice(path.length + 1);
    const [, list, number] = /^(\w+)\.(\d+)$/.exec(layer ?? '') ?? [];
    if (list === undefined) continue;
    const layers = lists.get(list) ?? [];
    lists.set(list, layers);
    layers[Number(number)] ??= [];
    layers[Number(number)]!.push(index);
  }
  return [...lists.values()].map((layers) => layers.filter((layer) => layer !== undefined));
}

function areStacked(layers: readonly (readonly number[])[], own: ReadonlySet<number>, context: CallContext): boolean {
  const { graph, links, scopes, types } = context;
  const features = new Set<string>();
  const isStacked = (layer: readonly number[]) => {
    const read = layer.flatMap((index) => links.reads[index]!).filter((name) => isFloat(types.get(name)));
    const data = read.filter((name) => !links.structural.has(name) && !links.constant.has(name));
    const inside = data.some((name) => {
      const maker = links.maker.get(name);
      return maker !== undefined && own.has(maker) && !layer.includes(maker);
    });
    const feature = data.find((name) => {
      const maker = links.maker.get(name);
      return maker !== undefined && !own.has(maker) && scopes[maker]!.modules.length > 0 && !features.has(name);
    });
    if (feature !== undefined) features.add(feature);
    return inside && feature !== undefined && layer.some((index) => graph.node[index]!.opType === 'Conv');
  };
  return layers.length > 1 && layers.slice(1).every(isStacked);
}
