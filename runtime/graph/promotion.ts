import { OperationError } from './operation.ts';
import type { DType, TensorType } from './types.ts';

const SIGNED: readonly DType[] = ['int8', 'int16', 'int32', 'int64'];
const FLOATS: readonly DType[] = ['float16', 'float32', 'float64'];

export function isFloat(dtype: DType): boolean {
  return FLOATS.includes(dtype);
}

/** Whether the elements are whole numbers; bool is not among them. */
export function isInteger(dtype: DType): boolean {
  return dtype !== 'bool' && !isFloat(dtype);
}

/** The element type of PyTorch's true functions (`sqrt`, `exp`, division): whole numbers and bools become float32. */
export function floating(dtype: DType): DType {
  return isFloat(dtype) ? dtype : 'float32';
}

/** The element type that holds both (`torch.promote_types`). Throws an OperationError if PyTorch has none. */
export function promoteDtypes(a: DType, b: DType): DType {
  if (a === b || b === 'bool') return a;
  if (a === 'bool') return b;
  const [floatA, floatB] = [FLOATS.indexOf(a), FLOATS.indexOf(b)];
  if (floatA >= 0 || floatB >= 0) return FLOATS[Math.max(floatA, floatB)]!;
  const [signedA, signedB] = [SIGNED.indexOf(a), SIGNED.indexOf(b)];
  if (signedA >= 0 && signedB >= 0) return SIGNED[Math.max(signedA, signedB)]!;
  // uint8 fits into every signed type but int8; PyTorch promotes no other unsigned type.
  if (a === 'uint8' && signedB >= 0) return SIGNED[Math.max(1, signedB)]!;
  if (b === 'uint8' && signedA >= 0) return SIGNED[Math.max(1, signedA)]!;
  throw new OperationError(
    `Promotion for uint16, uint32, uint64 types is not supported, attempted to promote ${a} and ${b}. Convert one of them with to(…)`,
  );
}

function category(dtype: DType): number {
  if (dtype === 'bool') return 0;
  return isFloat(dtype) ? 2 : 1;
}

/**
 * The element type of a result of several operands (`torch.result_type`): a tensor without dimensions counts only where
 * its kind (bool, integer, float) is above that of the tensors with dimensions. An unknown shape counts as one with dimensions.
 */
export function promote(types: readonly TensorType[]): DType {
  const withDims = types.filter((type) => type.shape === null || type.shape.length > 0);
  const withoutDims = types.filter((type) => type.shape?.length === 0);
  const of = (group: readonly TensorType[]): DType | null =>
    group.reduce<DType | null>((dtype, type) => (dtype === null ? type.dtype : promoteDtypes(dtype, type.dtype)), null);
  const [dimensioned, scalar] = [of(withDims), of(withoutDims)];
  if (dimensioned === null) return scalar!;
  if (scalar === null || category(scalar) <= category(dimensioned)) return dimensioned;
  // A float scalar makes a whole-number tensor float32, unless the scalar itself is wider or narrower.
  return promoteDtypes(dimensioned, scalar);
}
