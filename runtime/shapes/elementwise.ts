import type { Shape, TensorType } from '../graph/types.ts';
import { isStandard } from '../onnx/domains.ts';
import { dtypeName, elementType } from '../onnx/dtypes.ts';
import { nodeTypes } from '../onnx/element-types.ts';
import type { NodeProto } from '../onnx/proto.ts';

/** Operators whose result has the shape of their first input. */
const LIKE_FIRST = new Set(
  'Abs Acos Acosh Asin Asinh Atan Atanh BitwiseNot Cast Ceil Celu Clip Cos Cosh Elu Erf Exp Floor Gelu HardSigmoid HardSwish Identity IsInf IsNaN LeakyRelu Log LogSoftmax Mish Neg Not Reciprocal Relu Round Selu Sigmoid Sign Sin Sinh Softmax Softplus Softsign Sqrt Tan Tanh ThresholdedRelu'.split(
    ' ',
  ),
);

/** Operators that broadcast all of their inputs. */
const BROADCASTING = new Set(
  'Add And BitShift BitwiseAnd BitwiseOr BitwiseXor Div Equal Greater GreaterOrEqual Less LessOrEqual Max Min Mod Mul Or Pow Sub Sum Where Xor'.split(
    ' ',
  ),
);

/**
 * Whether the type of what a node makes follows from the types of what it reads by a rule so plain that ONNX Runtime
 * need not be asked. It takes time that grows with the square of how many tensors it is asked for: a minute for 100,000.
 */
export function isElementwise(node: NodeProto, elementTypes: ReadonlyMap<string, number>): boolean {
  return (
    isStandard(node) &&
    node.output.length === 1 &&
    isElementwiseOperator(node.opType) &&
    node.input.every((name) => name === '' || dtypeName(elementTypes.get(name) ?? 0) !== null)
  );
}

/** Whether the shape of what a standard operator makes follows from the shapes of its inputs alone, element by element. */
export function isElementwiseOperator(opType: string): boolean {
  return LIKE_FIRST.has(opType) || BROADCASTING.has(opType);
}

/** The type of what an elementwise node makes; null where it reads something that is no tensor after all. */
export function elementwiseType(node: NodeProto, types: ReadonlyMap<string, TensorType>): TensorType | null {
  const given = node.input.filter((name) => name !== '');
  const read = given.flatMap((name) => types.get(name) ?? []);
  if (read.length < given.length) return null;
  const [type] = nodeTypes(node, new Map(given.map((name, i) => [name, elementType(read[i]!.dtype)])));
  const dtype = dtypeName(type ?? 0);
  if (dtype === null) return null;
  const shapes = read.map(({ shape }) => shape);
  return { dtype, shape: BROADCASTING.has(node.opType) ? broadcast(shapes) : shapes[0]! };
}

/** Whether all sizes of what an elementwise node reads are known, and each is that of what it makes, or 1. */
export function goTogether(node: NodeProto, { shape }: TensorType, types: ReadonlyMap<string, TensorType>): boolean {
  return (
    shape !== null &&
    node.input.every((name) => {
      const read = name === '' ? [] : types.get(name)?.shape;
      const isLike = LIKE_FIRST.has(node.opType);
      return read?.every((size, i) => size !== null && (isLike || size === 1 || size === shape.at(i - read.length)));
    })
  );
}

/** The shape that inputs are broadcast to. What is not known is null, as a size that only another one could tell. */
function broadcast(shapes: readonly Shape[]): Shape {
  const rank = Math.max(...shapes.map((shape) => shape?.length ?? Number.POSITIVE_INFINITY));
  if (!Number.isFinite(rank)) return null;
  return Array.from({ length: rank }, (_, axis) => {
    const sizes = shapes.map((shape) => {
      const at = axis - rank + shape!.length;
      return at < 0 ? 1 : shape![at]!;
    });
    return sizes.find((size) => size !== null && size !== 1) ?? (sizes.some((size) => size === null) ? null : 1);
  });
}
