import { TensorProto_DataType as T } from 'onnx-buf';
import type { DType } from '../graph/types.ts';

const NAMES: Readonly<Record<number, DType>> = {
  [T.FLOAT]: 'float32',
  [T.UINT8]: 'uint8',
  [T.INT8]: 'int8',
  [T.UINT16]: 'uint16',
  [T.INT16]: 'int16',
  [T.INT32]: 'int32',
  [T.INT64]: 'int64',
  [T.BOOL]: 'bool',
  [T.FLOAT16]: 'float16',
  [T.DOUBLE]: 'float64',
  [T.UINT32]: 'uint32',
  [T.UINT64]: 'uint64',
};

/** The element type of texts, which have no dtype here. */
export const TEXTS = T.STRING;

/** The name of an ONNX element type, or null if it has no name here (strings, bfloat16, float8, int4). */
export function dtypeName(elementType: number): DType | null {
  return NAMES[elementType] ?? null;
}

/** Whether Node can be given tensors of an element type, or gets them: those that have a dtype, and texts. */
export function isPassable(elementType: number): boolean {
  return elementType === TEXTS || dtypeName(elementType) !== null;
}

/** How to call an element type, with a dtype or not. */
export function elementTypeName(elementType: number): string {
  return dtypeName(elementType) ?? T[elementType]?.toLowerCase() ?? `element type ${elementType}`;
}

/** Whether an ONNX element type can be that of activations: any floating-point type. */
export function isFloat(elementType: number | undefined): boolean {
  return elementType === T.FLOAT || elementType === T.FLOAT16 || elementType === T.BFLOAT16 || elementType === T.DOUBLE;
}

const ELEMENT_TYPES = new Map(Object.entries(NAMES).map(([type, name]) => [name, Number(type)]));

/** The ONNX element type of a dtype. */
export function elementType(dtype: DType): number {
  return ELEMENT_TYPES.get(dtype)!;
}

/** The ONNX element type of whole numbers of four bits, for which there is no dtype. Two share a byte, the low one first. */
export const UINT4 = T.UINT4;
/** The same of numbers with a sign. */
export const INT4 = T.INT4;

const FLOAT_BYTES: ReadonlyMap<number, number> = new Map([
  [T.FLOAT16, 2],
  [T.BFLOAT16, 2],
  [T.FLOAT, 4],
  [T.DOUBLE, 8],
]);

/** How many bytes an element of a floating-point type takes; null for other types. */
export function elementBytes(elementType: number): number | null {
  return FLOAT_BYTES.get(elementType) ?? null;
}
