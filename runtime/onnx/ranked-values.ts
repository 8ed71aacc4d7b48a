import { isGroupQueryAttention } from './group-query.ts';
import { makeNode, makeTensor } from './make.ts';
import type { NodeProto } from './proto.ts';

/**
 * The same nodes, in which values of grouped attention are known to have three dimensions. Where a model begins at a cut,
 * ONNX Runtime knows no dimensions of what it is given: queries beside values of unknown dimensions it takes for queries
 * that keys and values are packed with, and refuses what comes after for its size.
 */
export function withRankedValues(nodes: readonly NodeProto[]): NodeProto[] {
  return nodes.flatMap((node) => {
    const [, keys, values] = node.input;
    const ranked = `${node.output[0]}/ranked`;
    if (!isGroupQueryAttention(node) || !keys || !values || values === ranked) return [node];
    const dims = `${ranked}/dims`;
    return [
      makeNode('Constant', [], [dims], { value: { tensor: makeTensor('', 'int64', [0, 0, -1], [3]) } }),
      makeNode('Reshape', [values, dims], [ranked]),
      { ...node, input: node.input.map((name, i) => (i === 2 ? ranked : name)) },
    ];
  });
}
