import type { DType } from '../graph/types.ts';
import { MOST_DIMS } from '../tensor/nested.ts';
import { dtypeOfArray, isFloatDType, isWhole } from '../tensor/storage.ts';
import { Tensor } from '../tensor/tensor.ts';
import type { Operand, Traced } from '../types/tensor.ts';
import { dtypeOf, fail, isTraced, node, operand } from './nodes.ts';

/** The kinds of numbers; a value of a higher kind needs a dtype of that kind. */
enum Kind {
  Bool,
  Integer,
  Float,
}

/**
 * Two operands side by side. As in PyTorch a plain number has no dtype of its own: it takes that of the tensor beside
 * it, unless the tensor cannot hold its kind (a fraction beside integers makes float32, an integer beside bools int64).
 * Plain arrays of numbers are taken the same way.
 */
export function pair(a: Operand, b: Operand): [Traced, Traced] {
  const kindA = looseKind(a);
  const kindB = looseKind(b);
  if (kindA === null && kindB !== null) {
    const first = operand(a);
    return [first, operand(b, dtypeBeside(dtypeOf(first), kindB))];
  }
  if (kindB === null && kindA !== null) {
    const second = operand(b);
    return [operand(a, dtypeBeside(dtypeOf(second), kindA)), second];
  }
  return [operand(a), operand(b)];
}

/** Whether a value brings a dtype, as numbers and plain arrays do not. */
export function hasDtype(value: Operand): boolean {
  return looseKind(value) === null;
}

/** An operand converted to the dtype of another tensor. */
export function like(value: Operand, dtype: DType): Traced {
  return cast(operand(value, looseKind(value) === null ? undefined : dtype), dtype);
}

/** The tensor as another dtype; itself if it has it. */
export function cast(value: Traced, dtype: DType): Traced {
  return dtypeOf(value) === dtype ? value : node('cast', [value], { dtype });
}

/** For functions whose results are fractions: integers and bools become float32. */
export function toFloat(value: Operand): Traced {
  const tensor = operand(value);
  return isFloatDType(dtypeOf(tensor)) ? tensor : cast(tensor, 'float32');
}

/** For functions that PyTorch has for fractions alone. Plain numbers and arrays bring no dtype: they become float32. */
export function fractions(name: string, value: Operand): Traced {
  const tensor = hasDtype(value) ? operand(value) : toFloat(value);
  const dtype = dtypeOf(tensor);
  return isFloatDType(dtype)
    ? tensor
    : fail(`${name} is not implemented for ${dtype}: convert the tensor with to('float32')`);
}

/** For sums and products: bools and smaller integers become int64. */
export function toSummable(value: Traced): Traced {
  const dtype = dtypeOf(value);
  return isFloatDType(dtype) || dtype === 'uint64' ? value : cast(value, 'int64');
}

export function toBool(value: Operand): Traced {
  return cast(operand(value), 'bool');
}

/**
 * Computes with halves as PyTorch does inside its kernels: in float32, and rounds the result only. Squares and sums of
 * activations do not fit a half.
 */
export function inWide(value: Operand, compute: (wide: Traced) => Traced): Traced {
  const tensor = toFloat(value);
  const dtype = dtypeOf(tensor);
  return dtype === 'float16' ? cast(compute(cast(tensor, 'float32')), dtype) : compute(tensor);
}

/** The same with several tensors that are halves; what is none of that is computed with as it is. */
export function allInWide(values: readonly Traced[], compute: (...wide: Traced[]) => Traced): Traced {
  if (!values.every((value) => dtypeOf(value) === 'float16')) return compute(...values);
  return cast(compute(...values.map((value) => cast(value, 'float32'))), 'float16');
}

/** Computes in float64 and rounds the result only, where a last digit decides: `log10(1000)` is 3. */
export function inDouble(value: Operand, compute: (double: Traced) => Traced): Traced {
  const tensor = toFloat(value);
  return cast(compute(cast(tensor, 'float64')), dtypeOf(tensor));
}

function dtypeBeside(dtype: DType, kind: Kind): DType {
  if (kindOf(dtype) >= kind) return dtype;
  return kind === Kind.Float ? 'float32' : 'int64';
}

function kindOf(dtype: DType): Kind {
  if (dtype === 'bool') return Kind.Bool;
  return isFloatDType(dtype) ? Kind.Float : Kind.Integer;
}

/** The kind of plain numbers, or null for tensors, which have a dtype of their own. */
function looseKind(value: unknown, depth = 0): Kind | null {
  if (typeof value === 'boolean') return Kind.Bool;
  if (typeof value === 'bigint') return Kind.Integer;
  if (typeof value === 'number') return isWhole(value) ? Kind.Integer : Kind.Float;
  // What is nested more deeply is refused where it becomes a tensor.
  if (!Array.isArray(value) || isTraced(value) || depth > MOST_DIMS) return null;
  let highest = Kind.Bool;
  for (const entry of value) {
    if (entry instanceof Tensor || dtypeOfArray(entry) !== null) return null;
    const kind = looseKind(entry, depth + 1);
    if (kind === null) return null;
    highest = Math.max(highest, kind);
  }
  return highest;
}
