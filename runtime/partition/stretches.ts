import type { Layer } from '../modules/layers.ts';
import type { OnnxModel } from '../onnx/model.ts';
import { restoredFrom } from './restored.ts';

/** A model cut before and after each of its layers: what comes first, a stretch for each layer, what comes last. One without layers is one stretch. */
export interface Stretches {
  /** What to call each stretch. */
  readonly names: readonly string[];
  /**
   * The stretch of each node of the graph. No node needs anything of a later stretch. Null for nodes that make constants:
   * each fragment makes the constants that it needs. What restores a quantized tensor is where the tensor is made.
   */
  readonly of: readonly (number | null)[];
}

export function stretchesOf(model: OnnxModel, layers: readonly Layer[]): Stretches {
  const { graph, links } = model;
  const layerOf = new Map(layers.flatMap(({ call }, i) => call.nodes.map((node) => [node, i + 1] as const)));
  const of: (number | null)[] = [];
  graph.node.forEach((node, index) => {
    if (node.output.every((name) => links.constant.has(name))) {
      of.push(null);
      return;
    }
    const quantized = restoredFrom(model, node.output[0]!);
    if (quantized !== null) {
      of.push(of[links.maker.get(quantized)!]!);
      return;
    }
    const layer = layerOf.get(index);
    let stretch = layer ?? 0;
    for (const name of links.reads[index]!) {
      const maker = links.maker.get(name);
      const made = maker === undefined ? null : (of[maker] ?? null);
      // What lies between two layers runs with the second one: it does not join the layer that it reads from.
      if (made === null) continue;
      const isBehind = layer === undefined && layerOf.get(maker!) === made;
      stretch = Math.max(stretch, isBehind ? made + 1 : made);
    }
    of.push(stretch);
  });
  if (layers.length === 0) return { names: ['the model'], of };
  return { names: ['the beginning', ...layers.map(({ path }) => path), 'the end'], of };
}
