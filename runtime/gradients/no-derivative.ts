import { TraceError } from '../errors.ts';
import { formatSite, siteOf } from '../graph/site.ts';
import type { Node } from '../graph/types.ts';
import { describeNode } from '../modules/describe-node.ts';
import type { OnnxModel } from '../onnx/model.ts';
import type { NodeProto } from '../onnx/proto.ts';
import type { GradientError } from './error.ts';

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

/** What a model tells of its node; programs are made of copies. Null for a node of the block. */
function placeOf({ name, output }: NodeProto, models: Iterable<OnnxModel>): string | null {
  for (const model of models) {
    const own = model.graph.node.find((node) => node.name === name && node.output[0] === output[0]);
    if (own) return describeNode(own, model);
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
