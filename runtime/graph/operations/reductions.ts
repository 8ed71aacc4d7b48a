import { type Operation, OperationError } from '../operation.ts';
import { isFloat } from '../promotion.ts';
import type { Attributes, Dim, DType, Shape } from '../types.ts';
import { boolAttribute, input, intAttribute, intOrNull, intsOrNull } from './attributes.ts';
import { normaliseDim, normaliseDims, printShape } from './dims.ts';

/** The shape that is left of `shape` once `dims` are reduced. */
function reduceShape(shape: Shape, dims: readonly number[] | null, keepdim: boolean): Shape {
  if (shape === null) return (dims ?? []).length === 0 && !keepdim ? [] : null;
  const reduced = new Set(normaliseDims(dims, shape.length));
  return keepdim ? shape.map((dim, i): Dim => (reduced.has(i) ? 1 : dim)) : shape.filter((_, i) => !reduced.has(i));
}

/** An error where a reduction that has no value for nothing is asked for one. */
function refuseEmpty(op: string, shape: Shape, dims: readonly number[] | null): void {
  if (shape === null) return;
  if (dims === null || dims.length === 0) {
    if (shape.includes(0)) {
      throw new OperationError(
        `${op}(): Expected reduction dim to be specified for input.numel() == 0: the tensor has dims ${printShape(shape)}, and no elements have no ${op}`,
      );
    }
    return;
  }
  for (const dim of normaliseDims(dims, shape.length)) {
    if (shape[dim] === 0) {
      throw new OperationError(
        `${op}(): Expected reduction dim ${dim} to have non-zero size, but the tensor has dims ${printShape(shape)}`,
      );
    }
  }
}

interface Rule {
  readonly dtype: (dtype: DType) => DType;
  /** Whether there is no value for an empty set. */
  readonly nonEmpty?: boolean;
}

/** Whole numbers and bools are added up as int64. */
const widened = (dtype: DType): DType => (isFloat(dtype) ? dtype : 'int64');

const RULES: Readonly<Record<string, Rule>> = {
  sum: { dtype: widened },
  prod: { dtype: widened },
  mean: {
    dtype(dtype) {
      if (isFloat(dtype)) return dtype;
      throw new OperationError(
        `mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. Got: ${dtype}. Convert the tensor with to('float32')`,
      );
    },
  },
  amax: { dtype: (dtype) => dtype, nonEmpty: true },
  amin: { dtype: (dtype) => dtype, nonEmpty: true },
  all: { dtype: () => 'bool' },
  any: { dtype: () => 'bool' },
};

function reduction(op: string, rule: Rule): Operation {
  return {
    infer(inputs, attributes) {
      const { dtype, shape } = input(inputs, 0);
      const dims = intsOrNull(attributes, 'dims');
      const result = rule.dtype(dtype);
      if (rule.nonEmpty) refuseEmpty(op, shape, dims);
      return [{ dtype: result, shape: reduceShape(shape, dims, boolAttribute(attributes, 'keepdim')) }];
    },
  };
}

function argReduction(op: string): Operation {
  return {
    infer(inputs, attributes: Attributes) {
      const { dtype, shape } = input(inputs, 0);
      if (dtype === 'bool')
        throw new OperationError(`${op}(): does not support bool input. Convert the tensor with to('int64')`);
      const dim = intOrNull(attributes, 'dim');
      const dims = dim === null ? null : [dim];
      refuseEmpty(op, shape, dims);
      return [{ dtype: 'int64', shape: reduceShape(shape, dims, boolAttribute(attributes, 'keepdim')) }];
    },
  };
}

const cumsum: Operation = {
  infer(inputs, attributes) {
    const { dtype, shape } = input(inputs, 0);
    const dim = intAttribute(attributes, 'dim');
    if (shape !== null) normaliseDim(dim, shape.length);
    return [{ dtype: widened(dtype), shape }];
  },
};

/** Many elements to one, along given dimensions or all of them. */
export const reductions: Readonly<Record<string, Operation>> = {
  ...Object.fromEntries(Object.entries(RULES).map(([op, rule]) => [op, reduction(op, rule)])),
  argmax: argReduction('argmax'),
  argmin: argReduction('argmin'),
  cumsum,
};
