import type { DType } from '../graph/types.ts';
import type { DTypeOptions } from '../types/options.ts';
import type { Operand, Traced } from '../types/tensor.ts';
import { tensor } from './creation.ts';
import { dtypeOf, inOrderOfDims, node, operand, shapeOf, typeOf } from './nodes.ts';
import { optionsOf } from './options.ts';
import { cast } from './promotion.ts';
import { withSignature } from './with-signature.ts';

/** The same elements as another dtype (or as the dtype of another tensor); fractions are cut off for integers. */
export const to = withSignature('to', (input: Operand, dtype: DType | Traced): Traced => {
  const target = typeof dtype === 'string' ? dtype : dtypeOf(operand(dtype));
  return cast(operand(input), target);
});

/** `to(input, 'float32')`. */
export const float = withSignature('float', (input: Operand): Traced => cast(operand(input), 'float32'));

/** `to(input, 'float64')`. */
export const double = withSignature('double', (input: Operand): Traced => cast(operand(input), 'float64'));

/** `to(input, 'float16')`. */
export const half = withSignature('half', (input: Operand): Traced => cast(operand(input), 'float16'));

/** `to(input, 'int64')`. */
export const long = withSignature('long', (input: Operand): Traced => cast(operand(input), 'int64'));

/** `to(input, 'int32')`. */
export const int = withSignature('int', (input: Operand): Traced => cast(operand(input), 'int32'));

/** `to(input, 'bool')`: whether an element is not zero. */
export const bool = withSignature('bool', (input: Operand): Traced => cast(operand(input), 'bool'));

/** A copy: changes to the tensor do not reach it, nor its changes the tensor. */
export const clone = withSignature('clone', (input: Operand): Traced => {
  // A conversion to the dtype it has is not a view, and costs nothing once it is lowered.
  const x = operand(input);
  return node('cast', [x], { dtype: dtypeOf(x) });
});

/** The tensor itself; of a transposed or sliced one a copy, which does not change with it. */
export const contiguous = withSignature('contiguous', (input: Operand): Traced => inOrderOfDims(operand(input)));

/** Zeros in the shape and dtype of another tensor. */
export const zerosLike = withSignature(
  'zerosLike',
  (input: Operand, options?: DTypeOptions): Traced => filledLike('zerosLike', input, 0, options),
);

/** Ones in the shape and dtype of another tensor. */
export const onesLike = withSignature(
  'onesLike',
  (input: Operand, options?: DTypeOptions): Traced => filledLike('onesLike', input, 1, options),
);

/** One value everywhere, in the shape and dtype of another tensor. */
export const fullLike = withSignature(
  'fullLike',
  (input: Operand, value: Operand, options?: DTypeOptions): Traced => filledLike('fullLike', input, value, options),
);

function filledLike(fn: string, input: Operand, value: Operand, given: DTypeOptions | undefined): Traced {
  const options = optionsOf<DTypeOptions>(fn, given, ['dtype']);
  const x = operand(input);
  const { shape, dtype } = typeOf(x);
  const known = shape && !shape.includes(null) ? shapeOf(shape.map(Number)) : node('shape', [x]);
  return node('full', [known, tensor(value, { dtype: options.dtype ?? dtype })]);
}
