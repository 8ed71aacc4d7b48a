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
  const shapes: Shape[] = [];
  const elements = new Map<string, number>();
  for (const name of node.input) {
    if (name === '') continue;
    const read = types.get(name);
    if (!read) return null;
    shapes.push(read.shape);
    elements.set(name, elementType(read.dtype));
  }
  const dtype = dtypeName(nodeTypes(node, elements)[0] ?? 0);
  if (dtype === null) return null;
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

/** Whether two sizes of what a node reads are known not to go together. */
export function clashes(node: NodeProto, types: ReadonlyMap<string, TensorType>): boolean {
  if (!BROADCASTING.has(node.opType)) return false;
  const shapes = node.input.flatMap((name) => {
    const shape = types.get(name)?.shape;
    return shape ? [shape] : [];
  });
  const whole = broadcast(shapes)!;
  return shapes.some((shape) =>
    shape.some((size, i) => {
      const other = whole.at(i - shape.length);
      return size !== null && other !== null && size !== 1 && size !== other;
    }),
  );
}

/** The shape that inputs are broadcast to. What is not known is null, as a size that only another one could tell. */
function broadcast(shapes: readonly Shape[]): Shape {
  let rank = 0;
  for (const shape of shapes) {
    if (shape === null) return null;
    rank = Math.max(rank, shape.length);
  }
  const sizes: (number | null)[] = [];
  for (let axis = -rank; axis < 0; axis++) {
    let found: number | null = 1;
    for (const shape of shapes) {
      const size = shape!.length < -axis ? 1 : shape!.at(axis)!;
      if (size === 1 || (size === null && found !== 1)) continue;
      found = size;
      if (size !== null) break;
    }
    sizes.push(found);
  }
  return sizes;
}
