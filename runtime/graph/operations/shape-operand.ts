import { OperationError } from '../operation.ts';
import type { Shape, TensorType } from '../types.ts';
import { unknownDims } from './dims.ts';

/**
 * The shape that an operand stands for: int64 of one dimension. Its elements where they are known for this run (-1
 * included), else as many nulls as it has elements, else null.
 */
export function shapeFromOperand(sizes: TensorType): Shape {
  if (sizes.shape !== null && sizes.shape.length !== 1) {
    throw new OperationError(
      `A shape must be a list of integers, but got a tensor with ${sizes.shape.length} dimensions`,
    );
  }
  if (sizes.dtype !== 'int64')
    throw new OperationError(`A shape must be int64, but got ${sizes.dtype}. Convert it with to('int64')`);
  if (sizes.constant) return sizes.constant;
  const rank = sizes.shape?.[0] ?? null;
  return rank === null ? null : unknownDims(rank);
}
