import { isFloatDType } from '../tensor/storage.ts';
import { Tensor } from '../tensor/tensor.ts';
import type { At, Keepdim, KeepdimOptions, QuantileOptions } from '../types/options.ts';
import type { Operand, Traced, ValuesAndIndices } from '../types/tensor.ts';
import { floorDivide, lerp, mul, ne, sub, where } from './arithmetic.ts';
import { gather, indexSelect } from './indexing.ts';
import { dtypeOf, fail, knownShape, node, operand, wrapDim } from './nodes.ts';
import { dimOptions } from './options.ts';
import { ceil, floor, round } from './pointwise.ts';
import { cast, like } from './promotion.ts';
import { any } from './reductions.ts';
import { flatten, movedim, squeeze, unsqueeze } from './shaping.ts';
import { sort } from './sorting.ts';
import { withSignature } from './with-signature.ts';

/** `median`: one value, or those along a dimension and where they are. */
export interface Median {
  (input: Operand): Traced;
  (input: Operand, dim: number, keepdim?: Keepdim): ValuesAndIndices;
  (input: Operand, dim: At<KeepdimOptions>): ValuesAndIndices;
}

/**
 * The middle one of the values, the lower of two: of all, or along `dim`, with where it is. NaN where one of the values
 * is NaN.
 */
export const median: Median = withSignature('median', ((
  input: Operand,
  given?: number | At<KeepdimOptions>,
  kept?: Keepdim,
): Traced | ValuesAndIndices => {
  const x = operand(input);
  const { dim, keepdim } = dimOptions<At<KeepdimOptions>>('median', given, kept, ['keepdim']);
  if (typeof dim === 'number') return alongDim(x, dim, keepdim ?? false);
  if (keepdim !== undefined) fail('median: along which dimension? median(x, dim, keepdim), or median(x) of all');
  return alongDim(flatten(x), 0, false).values;
}) as Median);

function alongDim(x: Traced, dim: number, keepdim: boolean): ValuesAndIndices {
  const at = wrapDim(dim, knownShape(x, 'median').length);
  const last = sub(node('numel', [x], { dims: [at] }), 1);
  const middle = floorDivide(last, 2);
  // NaN stands at the end, and is what comes out.
  const place = where(any(isNan(x), at, true), last, middle);
  const sorted = sort(x, at);
  const picked = (of: Traced) => (keepdim ? gather(of, at, place) : squeeze(gather(of, at, place), at));
  return { values: picked(sorted.values), indices: picked(sorted.indices) };
}

/**
 * The values below which a share `q` of the values lies, of all or along `dim`: between two values, by the distance to
 * them (`linear`), or as `interpolation` says. Several shares give a dimension of their own, the first.
 */
export const quantile = withSignature(
  'quantile',
  (
    input: Operand,
    q: Operand,
    over?: number | null | At<QuantileOptions>,
    kept?: boolean | QuantileOptions,
  ): Traced => {
    const options = dimOptions<At<QuantileOptions>>('quantile', over, kept, ['keepdim', 'interpolation']);
    const { dim } = options;
    const halves = dtypeOf(operand(input)) === 'float16';
    const given = halves ? cast(operand(input), 'float32') : operand(input);
    const dtype = dtypeOf(given);
    if (!isFloatDType(dtype)) fail('quantile() input tensor must be either float or double dtype');
    const shares = cast(operand(q), dtype);
    const rank = knownShape(shares, 'quantile').length;
    if (rank > 1) fail('quantile() q must be a scalar or 1D tensor');
    const outside = plainNumbers(q).find((share) => !(share >= 0 && share <= 1));
    if (outside !== undefined) fail(`quantile() q must be in the range [0, 1] but got ${outside}`);
    const dims = knownShape(given, 'quantile').length;
    wrapDim(dim ?? 0, dims);
    // What has no dimensions has one element along each that it is asked for.
    const isAll = dim == null || dims === 0;
    const x = isAll ? flatten(given) : given;
    const at = isAll ? 0 : wrapDim(dim, dims);
    if (knownShape(x, 'quantile').includes(0)) fail('quantile() input tensor must be non-empty');
    const last = sub(node('numel', [x], { dims: [at] }), 1);
    const found = between(x, at, mul(rank === 0 ? unsqueeze(shares, 0) : shares, cast(last, dtype)), options);
    const first = movedim(where(any(isNan(x), at, true), like(Number.NaN, dtype), found), at, 0);
    const many = isAll ? dims : 1;
    let result = first;
    if (options.keepdim) for (let i = 0; i < many; i++) result = unsqueeze(result, isAll ? 1 : at + 1);
    if (rank === 0) result = squeeze(result, 0);
    return halves ? cast(result, 'float16') : result;
  },
);

/** The numbers that are known before the run. */
function plainNumbers(given: Operand): number[] {
  if (given instanceof Tensor) return Array.from(given.data, Number);
  return [given].flat().filter((one) => typeof one === 'number');
}

/** The sorted values at places that may lie between two of them. */
function between(x: Traced, dim: number, places: Traced, { interpolation = 'linear' }: QuantileOptions): Traced {
  const { values } = sort(x, dim);
  const value = (place: Traced) => indexSelect(values, dim, cast(place, 'int64'));
  if (interpolation === 'nearest') return value(round(places));
  if (interpolation === 'lower') return value(floor(places));
  if (interpolation === 'higher') return value(ceil(places));
  const [below, above] = [value(floor(places)), value(ceil(places))];
  if (interpolation === 'midpoint') return lerp(below, above, 0.5);
  const rank = knownShape(x, 'quantile').length;
  let share = sub(places, floor(places));
  for (let i = dim + 1; i < rank; i++) share = unsqueeze(share, -1);
  return lerp(below, above, share);
}

function isNan(x: Traced): Traced {
  return ne(x, x);
}
