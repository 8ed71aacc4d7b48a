import { type Operation, OperationError, type Operations } from '../operation.ts';
import { isFloat } from '../promotion.ts';
import type { Dim, DType, Shape } from '../types.ts';
import { normaliseDim, normaliseDims, printShape } from './dims.ts';
import { input } from './inputs.ts';

/** The shape that is left of `shape` once `dims` are reduced. */
function reduceShape(shape: Shape, dims: readonly number[] | null, keepdim: boolean): Shape {
  if (shape === null) return (dims ?? []).length === 0 && !keepdim ? [] : null;
  const reduced = new Set(normaliseDims(dims, shape.length));
  return keepdim ? shape.map((dim, i): Dim => (reduced.has(i) ? 1 : dim)) : shape.filter((_, i) => !reduced.has(i));
}

/** Throws if a reduction that has no value for zero elements gets zero elements. */
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

/** Whole numbers and bools are added up as int64. */
const widened = (dtype: DType): DType => (isFloat(dtype) ? dtype : 'int64');
const same = (dtype: DType): DType => dtype;
const toBool = (): DType => 'bool';

function floatsOnly(op: string): (dtype: DType) => DType {
  return (dtype) => {
    if (isFloat(dtype)) return dtype;
    throw new OperationError(
      `${op}(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. Got: ${dtype}. Convert the tensor with to('float32')`,
    );
  };
}

type Reduction = Operation<'sum' | 'prod' | 'mean' | 'norm' | 'amax' | 'amin' | 'all' | 'any'>;

function reduction(result: (dtype: DType) => DType): Reduction {
  return {
    infer(inputs, { dims, keepdim }) {
      const { dtype, shape } = input(inputs, 0);
      return [{ dtype: result(dtype), shape: reduceShape(shape, dims, keepdim) }];
    },
  };
}

/** Zero elements have no extremum. */
function extremum(op: string): Reduction {
  return {
    infer(inputs, attributes) {
      refuseEmpty(op, input(inputs, 0).shape, attributes.dims);
      return reduction(same).infer(inputs, attributes);
    },
  };
}

function argReduction(op: string): Operation<'argmax' | 'argmin'> {
  return {
    infer(inputs, { dim, keepdim }) {
      const { dtype, shape } = input(inputs, 0);
      if (dtype === 'bool')
        throw new OperationError(`${op}(): does not support bool input. Convert the tensor with to('int64')`);
      const dims = dim === null ? null : [dim];
      refuseEmpty(op, shape, dims);
      return [{ dtype: 'int64', shape: reduceShape(shape, dims, keepdim) }];
    },
  };
}

const cumsum: Operation<'cumsum'> = {
  infer(inputs, { dim }) {
    const { dtype, shape } = input(inputs, 0);
    if (shape !== null) normaliseDim(dim, shape.length);
    return [{ dtype: widened(dtype), shape }];
  },
};

/** Many elements to one, along given dimensions or all of them. */
export const reductions: Operations<
  'sum' | 'prod' | 'mean' | 'norm' | 'amax' | 'amin' | 'all' | 'any' | 'argmax' | 'argmin' | 'cumsum'
> = {
  sum: reduction(widened),
  prod: reduction(widened),
  mean: reduction(floatsOnly('mean')),
  norm: reduction(floatsOnly('norm')),
  amax: extremum('amax'),
  amin: extremum('amin'),
  all: reduction(toBool),
  any: reduction(toBool),
  argmax: argReduction('argmax'),
  argmin: argReduction('argmin'),
  cumsum,
};
