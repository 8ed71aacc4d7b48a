import type { At, Dims, Keepdim, KeepdimOptions, Over } from '../types/options.ts';
import type { Operand, Traced, ValuesAndIndices } from '../types/tensor.ts';
import { maximum, minimum } from './arithmetic.ts';
import { fail, node, operand } from './nodes.ts';
import { dimOptions, isOptions } from './options.ts';
import { reduce } from './reductions.ts';

/** The largest value over `dim`, or over everything. */
export function amax(input: Operand, dim?: Dims | Over<KeepdimOptions>, keepdim?: Keepdim): Traced {
  const options = dimOptions<Over<KeepdimOptions>>('amax', dim, keepdim, ['keepdim']);
  return reduce('amax', operand(input), options.dim, options.keepdim);
}

/** The smallest value over `dim`, or over everything. */
export function amin(input: Operand, dim?: Dims | Over<KeepdimOptions>, keepdim?: Keepdim): Traced {
  const options = dimOptions<Over<KeepdimOptions>>('amin', dim, keepdim, ['keepdim']);
  return reduce('amin', operand(input), options.dim, options.keepdim);
}

/** Where the largest value is, the first if there are several; int64. Without `dim`, in the flattened tensor. */
export function argmax(input: Operand, dim?: number | null | At<KeepdimOptions>, keepdim?: Keepdim): Traced {
  const options = dimOptions<At<KeepdimOptions>>('argmax', dim, keepdim, ['keepdim']);
  return node('argmax', [operand(input)], { dim: options.dim ?? null, keepdim: options.keepdim ?? false });
}

/** Where the smallest value is, the first if there are several; int64. Without `dim`, in the flattened tensor. */
export function argmin(input: Operand, dim?: number | null | At<KeepdimOptions>, keepdim?: Keepdim): Traced {
  const options = dimOptions<At<KeepdimOptions>>('argmin', dim, keepdim, ['keepdim']);
  return node('argmin', [operand(input)], { dim: options.dim ?? null, keepdim: options.keepdim ?? false });
}

/** An operand that cannot be mistaken for a dimension. */
type Tensorial = Exclude<Operand, number> | Traced;

/** The largest value of all. */
export function max(input: Operand): Traced;
/** The larger of two elements, broadcast; the same as `maximum`. */
export function max(input: Operand, other: Tensorial): Traced;
/** The largest values along `dim` and where they are. */
export function max(input: Operand, dim: number, keepdim?: Keepdim): ValuesAndIndices;
export function max(input: Operand, dim: At<KeepdimOptions>): ValuesAndIndices;
export function max(
  input: Operand,
  second?: Operand | At<KeepdimOptions>,
  keepdim?: Keepdim,
): Traced | ValuesAndIndices {
  if (second === undefined) return amax(input);
  if (typeof second !== 'number' && !isOptions(second)) return maximum(input, second);
  return valuesAt('max', operand(input), second, keepdim);
}

/** The smallest value of all. */
export function min(input: Operand): Traced;
/** The smaller of two elements, broadcast; the same as `minimum`. */
export function min(input: Operand, other: Tensorial): Traced;
/** The smallest values along `dim` and where they are. */
export function min(input: Operand, dim: number, keepdim?: Keepdim): ValuesAndIndices;
export function min(input: Operand, dim: At<KeepdimOptions>): ValuesAndIndices;
export function min(
  input: Operand,
  second?: Operand | At<KeepdimOptions>,
  keepdim?: Keepdim,
): Traced | ValuesAndIndices {
  if (second === undefined) return amin(input);
  if (typeof second !== 'number' && !isOptions(second)) return minimum(input, second);
  return valuesAt('min', operand(input), second, keepdim);
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
