import { OperationError } from '../operation.ts';
import type { Dim, Shape } from '../types.ts';
import { printShape, sizeOf } from './dims.ts';

/** The shape of `reshape`: `target` with its -1 worked out where the size of the tensor is known. */
export function reshapeShape(shape: Shape, target: Shape): Shape {
  if (target === null) return null;
  const inferred = target.indexOf(-1);
  if (inferred !== target.lastIndexOf(-1)) {
    throw new OperationError(`only one dimension can be inferred, but the shape ${printShape(target)} has several -1`);
  }
  const negative = target.find((dim) => dim !== null && dim < -1);
  if (negative !== undefined)
    throw new OperationError(
      `invalid shape dimension ${negative}: sizes are 0 or more, or -1 for the one that follows from the others`,
    );
  const size = sizeOf(shape);
  const rest = sizeOf(target.filter((dim) => dim !== -1));
  const invalid = (): OperationError =>
    new OperationError(
      `shape '${printShape(target)}' is invalid for input of size ${size}, which has dims ${printShape(shape ?? [])}`,
    );
  if (inferred < 0) {
    if (size !== null && rest !== null && size !== rest) throw invalid();
    return target;
  }
  if (rest === 0) {
    if (size !== null && size !== 0) throw invalid();
    throw new OperationError(
      `cannot reshape tensor of 0 elements into shape ${printShape(target)} because the unspecified dimension size -1 ` +
        'can be any value and is ambiguous',
    );
  }
  if (size === null || rest === null) return target.map((dim): Dim => (dim === -1 ? null : dim));
  if (size % rest !== 0) throw invalid();
  return target.map((dim) => (dim === -1 ? size / rest : dim));
}

/** The shape of `expand`: `target`, where -1 keeps the size of the tensor. */
export function expandShape(shape: Shape, target: Shape): Shape {
  if (target === null) return null;
  if (shape === null) return target.map((dim): Dim => (dim === -1 ? null : dim));
  if (shape.length > target.length) {
    throw new OperationError(
      `expand(${printShape(shape)}, size=${printShape(target)}): the number of sizes provided (${target.length}) must ` +
        `be greater or equal to the number of dimensions in the tensor (${shape.length})`,
    );
  }
  const leading = target.length - shape.length;
  return target.map((wanted, i) => {
    if (i < leading) {
      if (wanted === null || wanted >= 0) return wanted;
      throw new OperationError(
        `The expanded size of the tensor (${wanted}) isn't allowed in a leading, non-existing dimension ${i}: -1 keeps the size of a dimension that the tensor has`,
      );
    }
    const existing = shape[i - leading]!;
    if (wanted === -1) return existing;
    if (wanted === null) return existing === 1 ? null : existing;
    if (existing !== null && existing !== 1 && existing !== wanted) {
      throw new OperationError(
        `The expanded size of the tensor (${wanted}) must match the existing size (${existing}) at non-singleton ` +
          `dimension ${i}.  Target sizes: ${printShape(target)}.  Tensor sizes: ${printShape(shape)}`,
      );
    }
    return wanted;
  });
}
