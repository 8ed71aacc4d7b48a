import { isStandard } from '../onnx/domains.ts';
import type { NodeProto } from '../onnx/proto.ts';
import type { Emitter } from './emitter.ts';

/**
 * Nodes with the shapes written down that are known of what they make: exporters work them out by ten nodes each, which
 * need not be computed again then.
 */
export function withFixedShapes(emit: Emitter, nodes: readonly NodeProto[]): NodeProto[] {
  return nodes.map((node) => {
    if (node.opType !== 'Reshape' || !isStandard(node)) return node;
    const shape = emit.openShape(node.output[0]!);
    const attribute = node.attribute.filter(({ name }) => name !== 'allowzero');
    return shape === null ? node : { ...node, input: [node.input[0]!, shape], attribute };
  });
}
