import type { NodeProto } from '../onnx/proto.ts';

/** A node on the way has no derivative. */
export class GradientError extends Error {
  override readonly name = 'GradientError';
  readonly node: NodeProto;

  constructor(node: NodeProto, reason: string) {
    super(reason);
    this.node = node;
  }
}
