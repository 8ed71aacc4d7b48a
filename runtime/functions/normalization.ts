import type { DType } from '../graph/types.ts';
import { isFloatDType } from '../tensor/storage.ts';
import type { At, Dims, DTypeOptions, NormalizeOptions } from '../types/options.ts';
import type { Operand, Traced } from '../types/tensor.ts';
import { add, maximum, mul, sub } from './arithmetic.ts';
import { dtypeOf, fail, knownShape, node, operand } from './nodes.ts';
import { dimOptions, isOptions, optionsOf } from './options.ts';
import { rsqrt, square } from './pointwise.ts';
import { cast, fractions, inWide, pair, toSummable } from './promotion.ts';
import { norm, reduce, sum } from './reductions.ts';
import { broadcast } from './shaping.ts';
import { withSignature } from './with-signature.ts';

/** `exp(input)` over its sum along `dim`. */
export const softmax = withSignature(
  'softmax',
  (input: Operand, dim: number | At<DTypeOptions>, dtype?: DType | DTypeOptions): Traced => {
    const options = dimOptions<At<DTypeOptions>>('softmax', dim, dtype, ['dtype']);
    const at = oneDim('softmax', options);
    return inWide(shares('softmax', input, options), (x) => node('softmax', [x], { dim: at }));
  },
);

/** The logarithm of `softmax`, without the loss of precision. */
export const logSoftmax = withSignature(
  'logSoftmax',
  (input: Operand, dim: number | At<DTypeOptions>, dtype?: DType | DTypeOptions): Traced => {
    const options = dimOptions<At<DTypeOptions>>('logSoftmax', dim, dtype, ['dtype']);
    const at = oneDim('logSoftmax', options);
    return inWide(shares('logSoftmax', input, options), (x) => node('logSoftmax', [x], { dim: at }));
  },
);

/** The sums of all entries so far along `dim`; integers and bools give int64. */
export const cumsum = withSignature(
  'cumsum',
  (input: Operand, dim: number | At<DTypeOptions>, dtype?: DType | DTypeOptions): Traced => {
    const options = dimOptions<At<DTypeOptions>>('cumsum', dim, dtype, ['dtype']);
    const sums = node('cumsum', [toSummable(converted(input, options))], { dim: oneDim('cumsum', options) });
    return options.dtype ? cast(sums, options.dtype) : sums;
  },
);

/** Mean 0 and variance 1 over the last dimensions, which have `normalizedShape`; then times `weight` plus `bias`. */
export const layerNorm = withSignature(
  'layerNorm',
  (
    input: Operand,
    normalizedShape: number | readonly number[],
    weight?: Operand | null,
    bias?: Operand | null,
    eps = 1e-5,
  ): Traced => {
    const x = fractions('layerNorm', input);
    const sizes = typeof normalizedShape === 'number' ? [normalizedShape] : normalizedShape;
    const dims = trailingDims(x, sizes);
    const normalized = inWide(x, (wide) => {
      const centred = sub(wide, reduce('mean', wide, dims, true));
      return mul(centred, rsqrt(add(reduce('mean', square(centred), dims, true), eps)));
    });
    const scaled = weight == null ? normalized : mul(normalized, weight);
    return bias == null ? scaled : add(scaled, bias);
  },
);

/** The input over its root mean square along the last dimensions, times `weight`. */
export const rmsNorm = withSignature(
  'rmsNorm',
  (
    input: Operand,
    normalizedShape: number | readonly number[],
    weight?: Operand | null,
    eps?: number | null,
  ): Traced => {
    const x = fractions('rmsNorm', input);
    const dims = trailingDims(x, typeof normalizedShape === 'number' ? [normalizedShape] : normalizedShape);
    // PyTorch's default is the smallest step of the dtype that it computes in.
    const epsilon = eps ?? (dtypeOf(x) === 'float64' ? Number.EPSILON : 2 ** -23);
    const normalized = inWide(x, (wide) => mul(wide, rsqrt(add(reduce('mean', square(wide), dims, true), epsilon))));
    return weight == null ? normalized : mul(normalized, weight);
  },
);

/** The input over its norm of order `p` along `dim`, which is taken to be at least `eps`: 2, 1 and 1e-12 unless given. */
export const normalize = withSignature(
  'normalize',
  (input: Operand, order?: number | NormalizeOptions, along?: Dims, least?: number): Traced => {
    const given = isOptions(order) ? order : { p: order, dim: along, eps: least };
    const { p = 2, dim = 1, eps = 1e-12 } = optionsOf<NormalizeOptions>('normalize', given, ['p', 'dim', 'eps']);
    return inWide(fractions('normalize', input), (x) => node('div', pair(x, maximum(norm(x, p, dim, true), eps))));
  },
);

/** The cosine of the angle between two tensors along `dim`, broadcast; norms are taken to be at least `eps`. */
export const cosineSimilarity = withSignature(
  'cosineSimilarity',
  (input: Operand, other: Operand, dim = 1, eps = 1e-8): Traced => {
    const [a, b] = broadcast(...pair(input, other));
    const dtype = dtypeOf(fractions('cosineSimilarity', add(a, b)));
    const unit = (x: Traced) => normalize(cast(x, dtype === 'float16' ? 'float32' : dtype), 2, dim, eps);
    const cosine = sum(mul(unit(a), unit(b)), dim);
    return dtype === 'float16' ? cast(cosine, dtype) : cosine;
  },
);

function trailingDims(x: Traced, sizes: readonly number[]): number[] {
  const shape = knownShape(x, 'layerNorm');
  const tail = shape.slice(shape.length - sizes.length);
  if (sizes.length > shape.length || tail.some((size, i) => size !== null && size !== sizes[i])) {
    const wanted = ['*', ...sizes].join(', ');
    fail(
      `Given normalized_shape=[${sizes.join(', ')}], expected input with shape [${wanted}], but got input of size [${shape.join(', ')}]`,
    );
  }
  return sizes.map((_, i) => i - sizes.length);
}

function oneDim(fn: string, { dim }: At<DTypeOptions>): number {
  if (typeof dim !== 'number') fail(`${fn}: along which dimension? ${fn}(x, -1)`);
  return dim;
}

/** Shares of a whole are no whole numbers, and PyTorch makes none of whole numbers. */
function shares(fn: string, input: Operand, options: DTypeOptions): Traced {
  const x = converted(input, options);
  if (isFloatDType(dtypeOf(x))) return x;
  const remedy = options.dtype ? '' : ": convert the tensor with to('float32'), or give { dtype: 'float32' }";
  return fail(`${fn} is not implemented for ${dtypeOf(x)}${remedy}`);
}

function converted(input: Operand, options: DTypeOptions): Traced {
  return options.dtype ? cast(operand(input), options.dtype) : operand(input);
}
