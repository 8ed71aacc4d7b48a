import type { At, Dims, Keepdim, KeepdimOptions, Over } from '../types/options.ts';
import type { Operand, Traced, ValuesAndIndices } from '../types/tensor.ts';
import { maximum, minimum } from './arithmetic.ts';
import { fail, node, operand } from './nodes.ts';
import { dimOptions, isOptions } from './options.ts';
import { reduce } from './reductions.ts';
import { withSignature } from './with-signature.ts';

/** The largest value over `dim`, or over everything. */
export const amax = withSignature(
  'amax',
  (input: Operand, dim?: Dims | Over<KeepdimOptions>, keepdim?: Keepdim): Traced => {
    const options = dimOptions<Over<KeepdimOptions>>('amax', dim, keepdim, ['keepdim']);
    return reduce('amax', operand(input), options.dim, options.keepdim);
  },
);

/** The smallest value over `dim`, or over everything. */
export const amin = withSignature(
  'amin',
  (input: Operand, dim?: Dims | Over<KeepdimOptions>, keepdim?: Keepdim): Traced => {
    const options = dimOptions<Over<KeepdimOptions>>('amin', dim, keepdim, ['keepdim']);
    return reduce('amin', operand(input), options.dim, options.keepdim);
  },
);

/** Where the largest value is, the first if there are several; int64. Without `dim`, in the flattened tensor. */
export const argmax = withSignature(
  'argmax',
  (input: Operand, dim?: number | null | At<KeepdimOptions>, keepdim?: Keepdim): Traced => {
    const options = dimOptions<At<KeepdimOptions>>('argmax', dim, keepdim, ['keepdim']);
    return node('argmax', [operand(input)], { dim: options.dim ?? null, keepdim: options.keepdim ?? false });
  },
);

/** Where the smallest value is, the first if there are several; int64. Without `dim`, in the flattened tensor. */
export const argmin = withSignature(
  'argmin',
  (input: Operand, dim?: number | null | At<KeepdimOptions>, keepdim?: Keepdim): Traced => {
    const options = dimOptions<At<KeepdimOptions>>('argmin', dim, keepdim, ['keepdim']);
    return node('argmin', [operand(input)], { dim: options.dim ?? null, keepdim: options.keepdim ?? false });
  },
);

/** An operand that cannot be mistaken for a dimension. */
type Tensorial = Exclude<Operand, number> | Traced;

/** `max` and `min`. */
export interface Extreme {
  /** The largest (or smallest) value of all. */
  (input: Operand): Traced;
  /** The larger (or smaller) of two elements, broadcast; the same as `maximum` and `minimum`. */
  (input: Operand, other: Tensorial): Traced;
  /** The largest (or smallest) values along `dim` and where they are. */
  (input: Operand, dim: number, keepdim?: Keepdim): ValuesAndIndices;
  (input: Operand, dim: At<KeepdimOptions>): ValuesAndIndices;
}

/** The largest value of all; the larger of two elements, as `maximum`; or the largest values along `dim` and where they are. */
export const max: Extreme = extreme('max', amax, maximum);

/** The smallest value of all; the smaller of two elements, as `minimum`; or the smallest values along `dim` and where they are. */
export const min: Extreme = extreme('min', amin, minimum);

function extreme(fn: 'max' | 'min', ofAll: typeof amax, ofTwo: typeof maximum): Extreme {
  return withSignature(fn, ((
    input: Operand,
    second?: Operand | At<KeepdimOptions>,
    keepdim?: Keepdim,
  ): Traced | ValuesAndIndices => {
    if (second === undefined && keepdim === undefined) return ofAll(input);
    if (second === undefined || typeof second === 'number' || isOptions(second)) {
      return valuesAt(fn, operand(input), second, keepdim);
    }
    if (keepdim !== undefined) fail(`${fn}: of two tensors no dimension is lost: ${fn}(input, other)`);
    return ofTwo(input, second);
  }) as Extreme);
}

/** The values are picked by where they are: the gradient goes there, and to no equal element. */
function valuesAt(fn: 'max' | 'min', x: Traced, given: unknown, kept: Keepdim | undefined): ValuesAndIndices {
  const { dim, keepdim = false } = dimOptions<At<KeepdimOptions>>(fn, given, kept, ['keepdim']);
  if (typeof dim !== 'number') fail(`${fn}: along which dimension? ${fn}(x, dim), or ${fn}(x) for the ${fn} of all`);
  const at = node(`arg${fn}`, [x], { dim, keepdim: true });
  const values = node('gather', [x, at], { dim });
  if (keepdim) return { values, indices: at };
  const [value, index] = [values, at].map((one) => node('squeeze', [one], { dims: [dim] }));
  return { values: value!, indices: index! };
}
