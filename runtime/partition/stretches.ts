import type { GraphProto } from 'onnx-buf';
import type { Layer } from '../modules/layers.ts';
import { graphLinks } from '../onnx/links.ts';

/** A model cut before and after each of its layers: what comes first, a block for each layer, what comes last. */
export interface Blocks {
  /** What to call each block. */
  readonly names: readonly string[];
  /**
   * The block of each node of the graph. No node needs anything of a later block. Null for nodes that make constants:
   * whoever needs a constant makes it.
   */
  readonly of: readonly (number | null)[];
}

export function blocksOf(graph: GraphProto, layers: readonly Layer[]): Blocks {
  const links = graphLinks(graph);
  const layerOf = new Map(layers.flatMap(({ call }, i) => call.nodes.map((node) => [node, i + 1] as const)));
  const of: (number | null)[] = [];
  graph.node.forEach((node, index) => {
    if (node.output.every((name) => links.constant.has(name))) {
      of.push(null);
      return;
    }
    const layer = layerOf.get(index);
    let block = layer ?? 0;
    for (const name of links.reads[index]!) {
      const maker = links.maker.get(name);
      const made = maker === undefined ? null : (of[maker] ?? null);
      // What lies between two layers runs with the second one: it does not join the layer that it reads from.
      if (made !== null) block = Math.max(block, layer === undefined && layerOf.has(maker!) ? made + 1 : made);
    }
    of.push(block);
  });
  return { names: ['the beginning', ...layers.map(({ path }) => path), 'the end'], of };
}
