import { DTYPES, type DType } from '../graph/types.ts';
import type { DTypeOptions } from '../types/options.ts';
import type { Operand, Traced } from '../types/tensor.ts';
import { tensor } from './creation.ts';
import { dtypeOf, fail, isTraced, node, operand, shapeOf, typeOf } from './nodes.ts';
import { optionsOf } from './options.ts';
import { cast } from './promotion.ts';

/** The same elements as another dtype (or as the dtype of another tensor); fractions are cut off for integers. */
export function to(input: Operand, dtype: DType | Traced): Traced {
  const target = isTraced(dtype) ? dtypeOf(dtype) : dtype;
  if (!DTYPES.includes(target)) fail(`to: '${target}' is not a dtype; there are ${DTYPES.join(', ')}`);
  return cast(operand(input), target);
}

/** `to(input, 'float32')`. */
export function float(input: Operand): Traced {
  return cast(operand(input), 'float32');
}

/** `to(input, 'float64')`. */
export function double(input: Operand): Traced {
  return cast(operand(input), 'float64');
}

/** `to(input, 'float16')`. */
export function half(input: Operand): Traced {
  return cast(operand(input), 'float16');
}

/** `to(input, 'int64')`. */
export function long(input: Operand): Traced {
  return cast(operand(input), 'int64');
}

/** `to(input, 'int32')`. */
export function int(input: Operand): Traced {
  return cast(operand(input), 'int32');
}

/** `to(input, 'bool')`: whether an element is not zero. */
export function bool(input: Operand): Traced {
  return cast(operand(input), 'bool');
}

/** A copy: changes to the tensor do not reach it, nor its changes the tensor. */
export function clone(input: Operand): Traced {
  // A conversion to the dtype it has is not a view, and costs nothing once it is lowered.
  const x = operand(input);
  return node('cast', [x], { dtype: dtypeOf(x) });
}

/** The tensor itself: how it lies in memory is the runtime's business. */
export function contiguous(input: Operand): Traced {
  return operand(input);
}

/** Zeros in the shape and dtype of another tensor. */
export function zerosLike(input: Operand, options?: DTypeOptions): Traced {
  return filledLike('zerosLike', input, 0, options);
}

/** Ones in the shape and dtype of another tensor. */
export function onesLike(input: Operand, options?: DTypeOptions): Traced {
  return filledLike('onesLike', input, 1, options);
}

/** One value everywhere, in the shape and dtype of another tensor. */
export function fullLike(input: Operand, value: Operand, options?: DTypeOptions): Traced {
  return filledLike('fullLike', input, value, options);
}

function filledLike(fn: string, input: Operand, value: Operand, given: DTypeOptions | undefined): Traced {
  const options = optionsOf<DTypeOptions>(fn, given, ['dtype']);
  const x = operand(input);
  const { shape, dtype } = typeOf(x);
  const known = shape && !shape.includes(null) ? shapeOf(shape.map(Number)) : node('shape', [x]);
  return node('full', [known, tensor(value, { dtype: options.dtype ?? dtype })]);
}
