import type { Dims, Keepdim } from '../types/options.ts';
import type { Operand, Traced, ValuesAndIndices } from '../types/tensor.ts';
import { maximum, minimum } from './arithmetic.ts';
import { node, operand } from './nodes.ts';
import { optionsOf, reduce } from './reductions.ts';

/** The largest value over `dim`, or over everything. */
export function amax(input: Operand, dim?: Dims, keepdim: Keepdim = false): Traced {
  return reduce('amax', operand(input), dim, keepdim);
}

/** The smallest value over `dim`, or over everything. */
export function amin(input: Operand, dim?: Dims, keepdim: Keepdim = false): Traced {
  return reduce('amin', operand(input), dim, keepdim);
}

/** Where the largest value is, the first if there are several; int64. Without `dim`, in the flattened tensor. */
export function argmax(input: Operand, dim: number | null = null, keepdim: Keepdim = false): Traced {
  return node('argmax', [operand(input)], { dim, keepdim: optionsOf(keepdim).keepdim ?? false });
}

/** Where the smallest value is, the first if there are several; int64. Without `dim`, in the flattened tensor. */
export function argmin(input: Operand, dim: number | null = null, keepdim: Keepdim = false): Traced {
  return node('argmin', [operand(input)], { dim, keepdim: optionsOf(keepdim).keepdim ?? false });
}

/** An operand that cannot be mistaken for a dimension. */
type Tensorial = Exclude<Operand, number> | Traced;

/** The largest value of all. */
export function max(input: Operand): Traced;
/** The larger of two elements, broadcast; the same as `maximum`. */
export function max(input: Operand, other: Tensorial): Traced;
/** The largest values along `dim` and where they are. */
export function max(input: Operand, dim: number, keepdim?: Keepdim): ValuesAndIndices;
export function max(input: Operand, second?: Operand, keepdim: Keepdim = false): Traced | ValuesAndIndices {
  if (second === undefined) return amax(input);
  if (typeof second !== 'number') return maximum(input, second);
  return valuesAt('argmax', operand(input), second, keepdim);
}

/** The smallest value of all. */
export function min(input: Operand): Traced;
/** The smaller of two elements, broadcast; the same as `minimum`. */
export function min(input: Operand, other: Tensorial): Traced;
/** The smallest values along `dim` and where they are. */
export function min(input: Operand, dim: number, keepdim?: Keepdim): ValuesAndIndices;
export function min(input: Operand, second?: Operand, keepdim: Keepdim = false): Traced | ValuesAndIndices {
  if (second === undefined) return amin(input);
  if (typeof second !== 'number') return minimum(input, second);
  return valuesAt('argmin', operand(input), second, keepdim);
}

/** The values are picked by where they are: the gradient goes there, and to no equal element. */
function valuesAt(op: 'argmax' | 'argmin', x: Traced, dim: number, keepdim: Keepdim): ValuesAndIndices {
  const isKept = optionsOf(keepdim).keepdim ?? false;
  const at = node(op, [x], { dim, keepdim: true });
  const values = node('gather', [x, at], { dim });
  if (isKept) return { values, indices: at };
  const [value, index] = [values, at].map((one) => node('squeeze', [one], { dims: [dim] }));
  return { values: value!, indices: index! };
}
