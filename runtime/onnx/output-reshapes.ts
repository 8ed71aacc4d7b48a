import { changedNode, type ModelProto } from './proto.ts';

/**
 * A model whose last linear layers have their dims: ONNX Runtime makes a product and a sum a Gemm of two dims with a Reshape
 * behind it, which has the exporter's name for the sum, and belongs to the layer by that. Where the sum is an output of the
 * model there is no such name, and the Reshape gets one beside the Gemm.
 */
export function withNamedReshapes(proto: ModelProto): ModelProto {
  const { graph } = proto;
  if (!graph?.node.some(({ name }) => OUTPUT_RESHAPE.test(name))) return proto;
  const modules = new Map(
    graph.node.flatMap(({ opType, name, output }) => {
      const [, module] = (opType === 'Gemm' && /^(\/.+)\/[^/]+\/MatMulAddFusion\/?$/.exec(name)) || [];
      return module === undefined ? [] : [[output[0]!, module] as const];
    }),
  );
  const node = graph.node.map((one) => {
    const module = OUTPUT_RESHAPE.test(one.name) ? modules.get(one.input[0]!) : undefined;
    if (module === undefined || one.output[0]!.includes('/')) return one;
    return changedNode(one, { name: `${module}/${one.name}` });
  });
  return { ...proto, graph: { ...graph, node } };
}

const OUTPUT_RESHAPE = /^gemm_output_reshape/;
