import type { DType, Shape, TensorType } from '../types.ts';
import { sizeOf } from './dims.ts';

/** Known elements are carried along for shapes and indices, which are small. */
const LARGEST = 1024;

const INDEX_TYPES: readonly DType[] = ['int64', 'int32'];

/** A type with its elements, where they are known, few, and of a type that can be an index or a shape. */
export function withConstant(dtype: DType, shape: Shape, elements: readonly number[] | null | undefined): TensorType {
  const carried =
    elements &&
    elements.length <= LARGEST &&
    INDEX_TYPES.includes(dtype) &&
    sizeOf(shape) === elements.length &&
    elements.every(Number.isSafeInteger);
  return carried ? { dtype, shape, constant: elements } : { dtype, shape };
}

/** The single known element, or null. */
export function knownNumber(type: TensorType | undefined): number | null {
  return type?.constant?.length === 1 ? type.constant[0]! : null;
}

/** Applies whole-number arithmetic to known elements; of two operands one may be a single element. */
export function foldBinary(
  scalar: (a: number, b: number) => number,
  a: TensorType,
  b: TensorType,
): readonly number[] | null {
  const [left, right] = [a.constant, b.constant];
  if (!left || !right) return null;
  if (left.length === right.length && a.shape?.length === b.shape?.length)
    return left.map((x, i) => scalar(x, right[i]!));
  if (right.length === 1 && (b.shape?.length ?? 2) <= (a.shape?.length ?? 0))
    return left.map((x) => scalar(x, right[0]!));
  if (left.length === 1 && (a.shape?.length ?? 2) <= (b.shape?.length ?? 0))
    return right.map((x) => scalar(left[0]!, x));
  return null;
}
