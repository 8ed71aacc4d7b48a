import { isFloatDType } from '../tensor/storage.ts';
import type { Dims, Keepdim, ReductionOptions, VarianceOptions } from '../types/options.ts';
import type { Operand, Traced } from '../types/tensor.ts';
import { add, maximum, ne, pow, sub, where } from './arithmetic.ts';
import { dtypeOf, fail, node, operand } from './nodes.ts';
import { abs, exp, log, sqrt, square } from './pointwise.ts';
import { cast, inWide, like, toBool, toFloat, toSummable } from './promotion.ts';

/** The sum over `dim`, or over everything; integers and bools give int64. */
export function sum(input: Operand, dim?: Dims, keepdim?: boolean | ReductionOptions): Traced {
  return reduce('sum', toSummable(converted(input, keepdim)), dim, keepdim);
}

/** The product over `dim`, or over everything; integers and bools give int64. */
export function prod(input: Operand, dim?: Dims, keepdim?: boolean | ReductionOptions): Traced {
  return reduce('prod', toSummable(converted(input, keepdim)), dim, keepdim);
}

/** The mean over `dim`, or over everything. Integers need `{ dtype: 'float32' }`, as in PyTorch. */
export function mean(input: Operand, dim?: Dims, keepdim?: boolean | ReductionOptions): Traced {
  const x = converted(input, keepdim);
  if (!isFloatDType(dtypeOf(x))) {
    fail(
      `mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. Got: ${dtypeOf(x)}. Convert the tensor with to('float32')`,
    );
  }
  return reduce('mean', x, dim, keepdim);
}

/** The variance over `dim`, or over everything, with Bessel's correction unless `{ correction: 0 }`. */
export function variance(input: Operand, dim?: Dims, keepdim?: boolean | VarianceOptions): Traced {
  return inWide(floats(input, 'var'), (x) => {
    const squares = square(centred(x, dim));
    return node('div', [reduce('sum', squares, dim, keepdim), freedom(x, dim, keepdim)]);
  });
}

/** The standard deviation over `dim`, or over everything, with Bessel's correction unless `{ correction: 0 }`. */
export function std(input: Operand, dim?: Dims, keepdim?: boolean | VarianceOptions): Traced {
  return inWide(floats(input, 'std'), (x) =>
    node('div', [reduce('norm', centred(x, dim), dim, keepdim), sqrt(freedom(x, dim, keepdim))]),
  );
}

function centred(x: Traced, dim: Dims | undefined): Traced {
  return sub(x, reduce('mean', x, dim, true));
}

/** What the squares are divided by. As in PyTorch, fewer elements than the correction give nan or inf: never less than 0. */
function freedom(x: Traced, dim: Dims | undefined, keepdim?: boolean | VarianceOptions): Traced {
  const { correction = 1 } = optionsOf(keepdim);
  return maximum(sub(cast(node('numel', [x], { dims: dimsOf(dim) }), dtypeOf(x)), correction), 0);
}

/**
 * The vector norm of order `p` over `dim`, or over everything; Euclidean unless `p` is given. `Infinity` and
 * `-Infinity` are the largest and smallest absolute value.
 */
export function norm(
  input: Operand,
  p: number | 'fro' | null = 2,
  dim?: Dims,
  keepdim?: boolean | ReductionOptions,
): Traced {
  if (typeof dim === 'object' && dim !== null && !Array.isArray(dim)) {
    fail('norm: the order comes first, as in PyTorch: norm(x, p, dim, keepdim)');
  }
  if (p !== null && p !== 'fro' && typeof p !== 'number') fail(`norm: the order is a number or 'fro', found ${p}`);
  return vectorNorm(input, typeof p === 'number' ? p : 2, dim, keepdim);
}

function vectorNorm(input: Operand, p: number, dim: Dims | undefined, keepdim?: boolean | ReductionOptions): Traced {
  return inWide(floats(converted(input, keepdim), 'norm'), (x) => {
    if (p === 2) return reduce('norm', x, dim, keepdim);
    if (p === 1) return reduce('sum', abs(x), dim, keepdim);
    if (p === 0) return reduce('sum', cast(ne(x, 0), dtypeOf(x)), dim, keepdim);
    if (p === Number.POSITIVE_INFINITY) return reduce('amax', abs(x), dim, keepdim);
    if (p === Number.NEGATIVE_INFINITY) return reduce('amin', abs(x), dim, keepdim);
    return pow(reduce('sum', pow(abs(x), p), dim, keepdim), 1 / p);
  });
}

/** `log(sum(exp(input)))` over `dim`, without overflow. */
export function logsumexp(input: Operand, dim: Dims, keepdim: Keepdim = false): Traced {
  return inWide(toFloat(input), (x) => {
    const highest = reduce('amax', x, dim, true);
    // Infinite entries must not be taken off one another.
    const shift = where(node('eq', [abs(highest), like(Number.POSITIVE_INFINITY, dtypeOf(x))]), 0, highest);
    const sums = log(reduce('sum', exp(sub(x, shift)), dim, keepdim));
    return add(sums, optionsOf(keepdim).keepdim ? shift : reduce('sum', shift, dim, false));
  });
}

/** Whether all elements are not zero; bool. */
export function all(input: Operand, dim?: Dims, keepdim: Keepdim = false): Traced {
  return reduce('all', toBool(input), dim, keepdim);
}

/** Whether any element is not zero; bool. */
export function any(input: Operand, dim?: Dims, keepdim: Keepdim = false): Traced {
  return reduce('any', toBool(input), dim, keepdim);
}

/** How many elements are not zero; int64. */
export function countNonzero(input: Operand, dim?: Dims): Traced {
  return sum(toBool(input), dim);
}

type ReductionOp = 'sum' | 'prod' | 'mean' | 'norm' | 'amax' | 'amin' | 'all' | 'any';

/** The reduction itself, over the given dims. */
export function reduce(
  op: ReductionOp,
  input: Traced,
  dim: Dims | undefined,
  keepdim?: boolean | ReductionOptions,
): Traced {
  return node(op, [input], { dims: dimsOf(dim), keepdim: optionsOf(keepdim).keepdim ?? false });
}

/** null and, as in PyTorch, an empty list stand for all dims. */
function dimsOf(dim: Dims | undefined): readonly number[] | null {
  if (dim == null) return null;
  const dims = typeof dim === 'number' ? [dim] : dim;
  return dims.length === 0 ? null : dims;
}

/** The `keepdim` of a call: the flag, or options with it. */
export function optionsOf(keepdim: boolean | (ReductionOptions & VarianceOptions) | undefined) {
  return typeof keepdim === 'object' ? keepdim : { keepdim: keepdim ?? false };
}

function converted(input: Operand, keepdim: boolean | ReductionOptions | undefined): Traced {
  const { dtype } = optionsOf(keepdim);
  return dtype ? cast(operand(input), dtype) : operand(input);
}

function floats(input: Operand, name: string): Traced {
  const x = operand(input);
  if (!isFloatDType(dtypeOf(x)))
    fail(`${name}: Expected a floating point or complex tensor as input. Got ${dtypeOf(x)}`);
  return x;
}
