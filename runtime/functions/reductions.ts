import { isFloatDType } from '../tensor/storage.ts';
import type {
  Dims,
  Keepdim,
  KeepdimOptions,
  NormOptions,
  Over,
  ReductionOptions,
  VarianceOptions,
} from '../types/options.ts';
import type { Operand, Traced } from '../types/tensor.ts';
import { add, maximum, ne, pow, sub, where } from './arithmetic.ts';
import { dtypeOf, fail, node, operand, typeOf } from './nodes.ts';
import { dimOptions, isOptions, optionsOf } from './options.ts';
import { abs, exp, log, sqrt, square } from './pointwise.ts';
import { cast, inWide, like, toBool, toFloat, toSummable } from './promotion.ts';
import { withSignature } from './with-signature.ts';

const REDUCTION = ['keepdim', 'dtype'] as const;
const VARIANCE = ['correction', 'keepdim'] as const;

/** The sum over `dim`, or over everything; integers and bools give int64. */
export const sum = withSignature(
  'sum',
  (input: Operand, dim?: Dims | Over<ReductionOptions>, keepdim?: boolean | ReductionOptions): Traced => {
    const options = dimOptions<Over<ReductionOptions>>('sum', dim, keepdim, REDUCTION);
    return as(reduce('sum', converted(input, options), options.dim, options.keepdim), options);
  },
);

/** The product over `dim`, or over everything; integers and bools give int64. Beyond 2^53 it is an error, as ONNX Runtime would round it. */
export const prod = withSignature(
  'prod',
  (input: Operand, dim?: Dims | Over<ReductionOptions>, keepdim?: boolean | ReductionOptions): Traced => {
    const options = dimOptions<Over<ReductionOptions>>('prod', dim, keepdim, REDUCTION);
    return as(reduce('prod', toSummable(converted(input, options)), options.dim, options.keepdim), options);
  },
);

/** The mean over `dim`, or over everything. Integers need `{ dtype: 'float32' }`, as in PyTorch. */
export const mean = withSignature(
  'mean',
  (input: Operand, dim?: Dims | Over<ReductionOptions>, keepdim?: boolean | ReductionOptions): Traced => {
    const options = dimOptions<Over<ReductionOptions>>('mean', dim, keepdim, REDUCTION);
    const x = converted(input, options);
    if (!isFloatDType(dtypeOf(x))) {
      fail(
        `mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. Got: ${dtypeOf(x)}. Convert the tensor with to('float32')`,
      );
    }
    return reduce('mean', x, options.dim, options.keepdim);
  },
);

/**
 * The variance over `dim`, or over everything, with Bessel's correction unless `{ correction: 0 }`, or `unbiased` is
 * false: `variance(x, dim, unbiased, keepdim)`, as in PyTorch.
 */
export const variance = withSignature(
  'var',
  (
    input: Operand,
    dim?: Dims | boolean | Over<VarianceOptions>,
    unbiased?: boolean | VarianceOptions,
    keepdim?: boolean,
  ): Traced => {
    const options = varianceOptions('var', dim, unbiased, keepdim);
    return inWide(floats(input, 'var'), (x) => {
      const squares = square(centred(x, options.dim));
      return node('div', [reduce('sum', squares, options.dim, options.keepdim), freedom(x, options)]);
    });
  },
);

/** The standard deviation over `dim`, or over everything; the rest as `variance`. */
export const std = withSignature(
  'std',
  (
    input: Operand,
    dim?: Dims | boolean | Over<VarianceOptions>,
    unbiased?: boolean | VarianceOptions,
    keepdim?: boolean,
  ): Traced => {
    const options = varianceOptions('std', dim, unbiased, keepdim);
    return inWide(floats(input, 'std'), (x) =>
      node('div', [reduce('norm', centred(x, options.dim), options.dim, options.keepdim), sqrt(freedom(x, options))]),
    );
  },
);

/** PyTorch has three forms: `dim` and options; `dim`, `unbiased` and `keepdim` by position; and `unbiased` alone. */
function varianceOptions(
  fn: string,
  dim: Dims | boolean | Over<VarianceOptions> | undefined,
  unbiased: boolean | VarianceOptions | undefined,
  keepdim: boolean | undefined,
): Over<VarianceOptions> {
  if (typeof dim === 'boolean') {
    if (unbiased === undefined && keepdim === undefined) return { correction: dim ? 1 : 0 };
    fail(
      `${fn}: without a dim there is unbiased alone: ${fn}(false), or by name ${fn}({ correction: 0, keepdim: true })`,
    );
  }
  if (typeof unbiased !== 'boolean') {
    if (keepdim !== undefined) fail(`${fn}: by position there are dim, unbiased and keepdim: ${fn}(-1, true, true)`);
    return dimOptions(fn, dim, unbiased, VARIANCE);
  }
  const options = { correction: unbiased ? 1 : 0, ...(keepdim !== undefined && { keepdim }) };
  return dimOptions(fn, dim, options, VARIANCE);
}

function centred(x: Traced, dim: Dims | undefined): Traced {
  return sub(x, reduce('mean', x, dim, true));
}

/** What the squares are divided by. As in PyTorch, fewer elements than the correction give nan or inf: never less than 0. */
function freedom(x: Traced, { dim, correction = 1 }: Over<VarianceOptions>): Traced {
  return maximum(sub(cast(node('numel', [x], { dims: dimsOf(dim) }), dtypeOf(x)), correction), 0);
}

/**
 * The vector norm of order `p` over `dim`, or over everything; Euclidean unless `p` is given. `Infinity` and
 * `-Infinity` are the largest and smallest absolute value.
 */
export const norm = withSignature(
  'norm',
  (
    input: Operand,
    p: number | 'fro' | null | NormOptions = 2,
    dim?: Dims,
    keepdim?: boolean | ReductionOptions,
  ): Traced => {
    if (isOptions(p)) {
      if (dim !== undefined) fail('norm: options come last, and once');
      const { p: order, ...options } = optionsOf<NormOptions>('norm', p, ['p', 'dim', ...REDUCTION]);
      return vectorNorm(input, order ?? 2, options);
    }
    if (isOptions(dim)) fail('norm: the order comes first, as in PyTorch: norm(x, p, dim, keepdim)');
    return vectorNorm(input, typeof p === 'number' ? p : 2, dimOptions('norm', dim, keepdim, REDUCTION));
  },
);

function vectorNorm(input: Operand, p: number, options: Over<ReductionOptions>): Traced {
  const { dim, keepdim } = options;
  return inWide(floats(converted(input, options), 'norm'), (x) => {
    if (p === 2) return reduce('norm', x, dim, keepdim);
    if (p === 1) return reduce('sum', abs(x), dim, keepdim);
    if (p === 0) return reduce('sum', cast(ne(x, 0), dtypeOf(x)), dim, keepdim);
    if (p === Number.POSITIVE_INFINITY) return reduce('amax', abs(x), dim, keepdim);
    if (p === Number.NEGATIVE_INFINITY) return reduce('amin', abs(x), dim, keepdim);
    return pow(reduce('sum', pow(abs(x), p), dim, keepdim), 1 / p);
  });
}

/** `log(sum(exp(input)))` over `dim`, without overflow. */
export const logsumexp = withSignature(
  'logsumexp',
  (input: Operand, over: Dims | Over<KeepdimOptions>, kept?: Keepdim): Traced => {
    const { dim, keepdim = false } = dimOptions<Over<KeepdimOptions>>('logsumexp', over, kept, ['keepdim']);
    return inWide(toFloat(input), (x) => {
      // Nothing has no highest, and needs none.
      if (typeOf(x).shape?.includes(0)) return log(reduce('sum', exp(x), dim, keepdim));
      const highest = reduce('amax', x, dim, true);
      // Infinite entries must not be taken off one another.
      const shift = where(node('eq', [abs(highest), like(Number.POSITIVE_INFINITY, dtypeOf(x))]), 0, highest);
      const sums = log(reduce('sum', exp(sub(x, shift)), dim, keepdim));
      return add(sums, keepdim ? shift : reduce('sum', shift, dim, false));
    });
  },
);

/** Whether all elements are not zero; bool, and of uint8 uint8. */
export const all = withSignature(
  'all',
  (input: Operand, dim?: Dims | Over<KeepdimOptions>, keepdim?: Keepdim): Traced => {
    const options = dimOptions<Over<KeepdimOptions>>('all', dim, keepdim, ['keepdim']);
    return quantified('all', input, options);
  },
);

/** Whether any element is not zero; bool, and of uint8 uint8. */
export const any = withSignature(
  'any',
  (input: Operand, dim?: Dims | Over<KeepdimOptions>, keepdim?: Keepdim): Traced => {
    const options = dimOptions<Over<KeepdimOptions>>('any', dim, keepdim, ['keepdim']);
    return quantified('any', input, options);
  },
);

/** How many elements are not zero; int64. */
export const countNonzero = withSignature(
  'countNonzero',
  (input: Operand, dim?: Dims): Traced => sum(toBool(input), dim),
);

type ReductionOp = 'sum' | 'prod' | 'mean' | 'norm' | 'amax' | 'amin' | 'all' | 'any';

/** The reduction itself, over the given dims; null and, as in PyTorch, an empty list stand for all. */
export function reduce(op: ReductionOp, input: Traced, dim?: Dims, keepdim = false): Traced {
  return node(op, [input], { dims: dimsOf(dim), keepdim });
}

function dimsOf(dim: Dims | undefined): readonly number[] | null {
  if (dim == null) return null;
  const dims = typeof dim === 'number' ? [dim] : dim;
  return dims.length === 0 ? null : dims;
}

function converted(input: Operand, { dtype }: ReductionOptions): Traced {
  return dtype ? cast(operand(input), dtype) : operand(input);
}

/** What was added up as int64, as the dtype that was asked for. */
function as(found: Traced, { dtype }: ReductionOptions): Traced {
  return dtype ? cast(found, dtype) : found;
}

/** As in PyTorch, over an empty list of dimensions each element is by itself, and of uint8 the result is uint8. */
function quantified(op: 'all' | 'any', input: Operand, { dim, keepdim }: Over<KeepdimOptions>): Traced {
  const bools = toBool(input);
  const found = Array.isArray(dim) && dim.length === 0 ? bools : reduce(op, bools, dim, keepdim);
  return dtypeOf(operand(input)) === 'uint8' ? cast(found, 'uint8') : found;
}

function floats(input: Operand, name: string): Traced {
  const x = operand(input);
  if (!isFloatDType(dtypeOf(x)))
    fail(`${name}: Expected a floating point or complex tensor as input. Got ${dtypeOf(x)}`);
  return x;
}
