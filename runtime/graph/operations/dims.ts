import { OperationError } from '../operation.ts';
import type { Dim, Shape } from '../types.ts';

/** A dimension counted from the front. A tensor without dimensions answers to 0 and -1, as in PyTorch. */
export function normaliseDim(dim: number, rank: number): number {
  const size = Math.max(rank, 1);
  if (dim < -size || dim >= size) {
    throw new OperationError(
      `Dimension out of range (expected to be in range of [${-size}, ${size - 1}], but got ${dim}): the tensor has ${rank} ${rank === 1 ? 'dimension' : 'dimensions'}`,
    );
  }
  return dim < 0 ? dim + size : dim;
}

/** Several dimensions counted from the front, each at most once; null and none at all mean every dimension. */
export function normaliseDims(dims: readonly number[] | null, rank: number): number[] {
  if (dims === null || dims.length === 0) return Array.from({ length: rank }, (_, i) => i);
  const normalised = dims.map((dim) => normaliseDim(dim, rank));
  const twice = normalised.find((dim, i) => normalised.indexOf(dim) !== i);
  if (twice !== undefined) throw new OperationError(`dim ${twice} appears multiple times in the list of dims`);
  return normalised;
}

/** The size of one dimension. A tensor without dimensions has one element along 0 and -1. */
export function sizeAt(shape: readonly Dim[], dim: number): Dim {
  const at = normaliseDim(dim, shape.length);
  return shape.length === 0 ? 1 : shape[at]!;
}

/** The number of elements, or null. A known zero decides it, whatever else is unknown. */
export function sizeOf(shape: Shape): Dim {
  if (shape === null) return null;
  if (shape.includes(0)) return 0;
  return shape.reduce<Dim>((size, dim) => (size === null || dim === null ? null : size * dim), 1);
}

/** A shape of `rank` unknown dimensions. */
export function unknownDims(rank: number): Dim[] {
  return Array.from({ length: rank }, () => null);
}

/** The shape with one dimension replaced. */
export function withDim(shape: readonly Dim[], dim: number, size: Dim): Dim[] {
  return shape.map((known, i) => (i === dim ? size : known));
}

/** A shape as PyTorch's messages print it. */
export function printShape(shape: readonly Dim[]): string {
  return `[${shape.map((dim) => dim ?? '?').join(', ')}]`;
}
