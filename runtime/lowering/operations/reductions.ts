import { normaliseDims } from '../../graph/operations/dims.ts';
import { isFloat } from '../../graph/promotion.ts';
import type { DType } from '../../graph/types.ts';
import type { Emitter, Lower, Lowerings } from '../emitter.ts';
import { castTo, kernelType } from './kernels.ts';
import { type Operand, rankOf } from './operand.ts';
import { reduce } from './reduce.ts';
import { requireAll, requireOne, requiring } from './requirements.ts';
import { int, ints, reshape, shapeOf, sizesAlong } from './sizes.ts';

/**
 * The dimensions to reduce; null for all of them. A tensor without dimensions has none to name. They count from the
 * front where that is known: ONNX Runtime reduces empty tensors to the wrong shape along negative axes.
 */
function dimsOf(x: Operand, dims: readonly number[] | null): readonly number[] | null {
  const rank = rankOf(x);
  if (dims === null || dims.length === 0 || rank === 0) return null;
  return rank === null ? dims : normaliseDims(dims, rank);
}

type LowerReduction = Lower<'sum' | 'prod' | 'mean' | 'norm' | 'amax' | 'amin' | 'all' | 'any'>;

/** Halves are added up as float32, as PyTorch does it. */
function wide(dtype: DType): DType {
  return dtype === 'float16' ? 'float32' : dtype;
}

/** ONNX Runtime multiplies int64 as float64, which is exact up to 2^53: beyond that the run must fail. */
const prod: LowerReduction = (emitter, [x], { dims, keepdim }, [output]) => {
  const { dtype } = output!;
  const [computed, over] = [wide(dtype), dimsOf(x!, dims)];
  const factors = castTo(emitter, x!, computed);
  const product = reduce(emitter, 'ReduceProd', factors, over, keepdim);
  if (dtype !== 'int64') return [emitter.cast(product, computed, dtype)];
  const one = emitter.constant('float64', [1]);
  const sizes = emitter.node('Max', [emitter.node('Abs', [emitter.cast(factors, 'int64', 'float64')]), one]);
  const largest = reduce(emitter, 'ReduceProd', sizes, over, keepdim);
  const isExact = emitter.node('LessOrEqual', [largest, emitter.constant('float64', [2 ** 53])]);
  return [emitter.node('Add', [product, requireAll(emitter, 'exact', isExact)])];
};

/** Half of the bits of an int64. */
const HALF = 2 ** 32;

/** ONNX Runtime adds int64 as float64, too: the upper and the lower halves of the bits are added up by themselves. */
const sum: LowerReduction = (emitter, [x], { dims, keepdim }, [output]) => {
  const total = (of: string) => reduce(emitter, 'ReduceSum', of, dimsOf(x!, dims), keepdim);
  const computed = wide(output!.dtype);
  if (x!.type.dtype !== 'int64') {
    return [emitter.cast(total(castTo(emitter, x!, computed)), computed, output!.dtype)];
  }
  const half = int(emitter, HALF);
  const lower = emitter.node('Mod', [x!.name, half]);
  const upper = emitter.node('Div', [emitter.node('Sub', [x!.name, lower]), half]);
  return [emitter.node('Add', [emitter.node('Mul', [total(upper), half]), total(lower)])];
};

/** How many elements are reduced to one. */
function countOf(emitter: Emitter, x: string, dims: readonly number[] | null): string {
  if (dims === null) return emitter.node('Size', [x]);
  return reduce(emitter, 'ReduceProd', sizesAlong(emitter, x, dims), null, false);
}

/** ONNX Runtime's mean of nothing is 0. Dividing it by the count, but at most by 1, gives PyTorch's NaN. */
const mean: LowerReduction = (emitter, [x], attributes) => {
  const { name, type } = x!;
  const { dtype } = type;
  const [computed, dims] = [wide(dtype), dimsOf(x!, attributes.dims)];
  const average = reduce(emitter, 'ReduceMean', castTo(emitter, x!, computed), dims, attributes.keepdim);
  const any = emitter.node('Min', [countOf(emitter, name, dims), int(emitter, 1)]);
  return [emitter.cast(emitter.node('Div', [average, emitter.cast(any, 'int64', computed)]), computed, dtype)];
};

/** One operator rather than the root of a sum of squares: its gradient at a vector of zeros is 0, as PyTorch's. */
const norm: LowerReduction = (emitter, [x], { dims, keepdim }) => {
  const { dtype } = x!.type;
  const computed = wide(dtype);
  const found = reduce(emitter, 'ReduceL2', castTo(emitter, x!, computed), dimsOf(x!, dims), keepdim);
  return [emitter.cast(found, computed, dtype)];
};

/**
 * ONNX Runtime's extrema pass over some NaNs, so they are looked for separately. Of nothing there is no extremum, where
 * ONNX Runtime has the lowest or highest number: the run must fail.
 */
function extremum(op: string): LowerReduction {
  return (emitter, [x], attributes) => {
    const { name, type } = x!;
    const [dims, keepdim] = [dimsOf(x!, attributes.dims), attributes.keepdim];
    const computed = kernelType(type.dtype);
    const found = reduce(emitter, op, castTo(emitter, x!, computed), dims, keepdim);
    const some = requireSome(emitter, countOf(emitter, name, dims));
    if (!isFloat(type.dtype)) {
      const checked = emitter.node('Add', [found, emitter.cast(some, 'int64', computed)]);
      return [emitter.cast(checked, computed, type.dtype)];
    }
    const poisoned = truth(emitter, 'ReduceMax', emitter.node('IsNaN', [name]), dims, keepdim);
    const nan = requiring(emitter, emitter.constant(type.dtype, [Number.NaN]), some);
    return [emitter.node('Where', [poisoned, nan, found])];
  };
}

/** The extremum of nothing is the lowest or the highest number, so that `any` of nothing is false and `all` is true. */
function truth(emitter: Emitter, op: string, bools: string, dims: readonly number[] | null, keepdim: boolean): string {
  const found = reduce(emitter, op, emitter.cast(bools, 'bool', 'int32'), dims, keepdim);
  return emitter.node('Greater', [found, emitter.constant('int32', [0])]);
}

function quantifier(op: string): LowerReduction {
  return (emitter, [x], { dims, keepdim }) => [
    truth(emitter, op, castTo(emitter, x!, 'bool'), dimsOf(x!, dims), keepdim),
  ];
}

/** A 0 that needs something to be counted. */
function requireSome(emitter: Emitter, count: string): string {
  return requireOne(emitter, 'elements', emitter.node('Greater', [count, int(emitter, 0)]));
}

/** The position of the first extremum; NaN is both the largest and the smallest, as in PyTorch. */
function argExtremum(op: string): Lower<'argmax' | 'argmin'> {
  return (emitter, [x], { dim, keepdim }) => {
    const { name, type } = x!;
    const computed = kernelType(type.dtype);
    const axes = dimsOf(x!, dim === null ? null : [dim]);
    const whole = axes === null;
    // What has no elements is refused before ONNX Runtime sees it: some of its kernels give nothing, some fail.
    const some = requireSome(emitter, countOf(emitter, name, axes));
    const shape = emitter.node('Add', [whole ? ints(emitter, [-1]) : shapeOf(emitter, name), some]);
    const inRows = (of: string) => (whole ? emitter.node('Reshape', [of, shape]) : reshape(emitter, of, shape));
    const axis = axes?.[0] ?? 0;
    const keepdims = keepdim && !whole;
    const first = (of: string, rows: string) =>
      emitter.node(of, [rows], { axis: { int: axis }, keepdims: { int: keepdims ? 1 : 0 } });
    const firstNaNOr = (otherwise: string) => {
      const missing = inRows(emitter.cast(emitter.node('IsNaN', [name]), 'bool', 'uint8'));
      const some = emitter.cast(reduce(emitter, 'ReduceMax', missing, [axis], keepdims), 'uint8', 'bool');
      return emitter.node('Where', [some, first('ArgMax', missing), otherwise]);
    };
    const extreme = first(op, inRows(emitter.cast(name, type.dtype, computed)));
    const found = isFloat(type.dtype) ? firstNaNOr(extreme) : extreme;
    if (!whole || !keepdim) return [found];
    // As many dimensions of size 1 as the tensor has dimensions.
    const rank = emitter.node('Shape', [emitter.node('Shape', [name])]);
    return [emitter.node('Reshape', [found, emitter.node('Expand', [ints(emitter, [1]), rank])])];
  };
}

const cumsum: Lower<'cumsum'> = (emitter, [x], { dim }, [output]) => {
  const { dtype } = output!;
  const terms = castTo(emitter, x!, dtype);
  if (rankOf(x!) === 0) return [terms];
  // The half-precision kernel came with operator set 14.
  const computed = dtype === 'float16' ? 'float32' : dtype;
  const sums = emitter.node('CumSum', [emitter.cast(terms, dtype, computed), int(emitter, dim)]);
  return [emitter.cast(sums, computed, dtype)];
};

export const reductions: Lowerings<
  'sum' | 'prod' | 'mean' | 'norm' | 'amax' | 'amin' | 'all' | 'any' | 'argmax' | 'argmin' | 'cumsum'
> = {
  sum,
  prod,
  mean,
  norm,
  amax: extremum('ReduceMax'),
  amin: extremum('ReduceMin'),
  all: quantifier('ReduceMin'),
  any: quantifier('ReduceMax'),
  argmax: argExtremum('ArgMax'),
  argmin: argExtremum('ArgMin'),
  cumsum,
};
