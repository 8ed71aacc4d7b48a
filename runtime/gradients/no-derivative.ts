import { TraceError } from '../errors.ts';
import { formatSite, siteOf } from '../graph/site.ts';
import type { Node } from '../graph/types.ts';
import { describeNode } from '../modules/describe-node.ts';
import type { OnnxModel } from '../onnx/model.ts';
import type { NodeProto } from '../onnx/proto.ts';
import type { GradientError } from './error.ts';
import { originOf } from './origin.ts';

/**
 * A gradient that would have to pass through a node without a derivative, in the user's terms.
 * @param asked the node that asks for the gradient
 * @param models those that may have the node; a node of the block is in none of them
 */
export function noDerivative({ node, message }: GradientError, asked: Node, models: Iterable<OnnxModel>): TraceError {
  const where = placeOf(node, models) ?? `an operation of the block (${node.opType})`;
  const loss = siteOf(asked.inputs[0]!.node!);
  return new TraceError(
    `There is no gradient here: it has to pass through ${where}, and ${message}. The loss${loss ? ` (${formatSite(loss)})` : ''} depends on the tensor that way. detach() what the gradient need not pass, or take the gradient by something that comes after it.`,
    asked.site,
  );
}

/** The model's own node, of which programs hold a copy. Null for a node of the block. */
function placeOf(node: NodeProto, models: Iterable<OnnxModel>): string | null {
  const origin = originOf(node);
  for (const model of models) {
    const nodes = model.graph.node;
    const own = nodes.find(({ name, output }) => name === node.name && output[0] === node.output[0]);
    if (own) return describeNode(own, model);
    const source = origin === node.name ? undefined : nodes.find(({ name }) => name === origin);
    if (source) return `the derivative (${node.opType}) of ${describeNode(source, model)}`;
  }
  return null;
}

/** The error for a gradient by something that the loss does not depend on. */
export function independent(asked: Node): TraceError {
  return new TraceError(
    'The loss does not depend on this tensor, or only in ways that have no gradient (an argmax, a comparison, a rounding, a detach), so there is no gradient by it. Take the gradient of something that the loss is computed from; grad(loss, x, { materializeGrads: true }) gives zeros.',
    asked.site,
  );
}
