import type { NodeProto } from '../onnx/proto.ts';

/** There is no derivative through a node. */
export class GradientError extends Error {
  override readonly name = 'GradientError';
  readonly node: NodeProto;

  constructor(node: NodeProto, reason: string) {
    super(reason);
    this.node = node;
  }
}
