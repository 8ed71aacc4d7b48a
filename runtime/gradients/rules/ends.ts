import { isDetached } from '../../onnx/detached.ts';
import { isStandard } from '../../onnx/domains.ts';
import type { NodeProto } from '../../onnx/proto.ts';

/** Operators through which no gradient flows: their outputs are constant between jumps, or are not floats. */
const ENDS = new Set(
  (
    'And ArgMax ArgMin Bernoulli BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Ceil Constant ConstantOfShape Equal ' +
    'EyeLike Floor Greater GreaterOrEqual Hardmax IsInf IsNaN Less LessOrEqual Multinomial NonMaxSuppression NonZero Not Or ' +
    'RandomNormal RandomNormalLike RandomUniform RandomUniformLike Range Round Shape Sign Size Xor'
  ).split(' '),
);

/** Whether no gradient ever flows through a node: PyTorch's gradient is 0 there, or there is none. */
export function endsPath(node: NodeProto): boolean {
  return isDetached(node) || (isStandard(node) && ENDS.has(node.opType));
}
