import type { Descending, Largest } from '../types/options.ts';
import type { Operand, Traced, ValuesAndIndices } from '../types/tensor.ts';
import { nodes, operand } from './nodes.ts';

/** The `k` largest (or smallest) values along `dim`, in order, and where they are. */
export function topk(input: Operand, k: number, dim = -1, largest: Largest = true): ValuesAndIndices {
  const wanted = typeof largest === 'boolean' ? largest : (largest.largest ?? true);
  return valuesAndIndices(nodes('topk', [operand(input), operand(k, 'int64')], { dim, largest: wanted }));
}

/** The values along `dim` in ascending order, and where they were. */
export function sort(input: Operand, dim = -1, descending: Descending = false): ValuesAndIndices {
  const order = typeof descending === 'boolean' ? descending : (descending.descending ?? false);
  return valuesAndIndices(nodes('sort', [operand(input)], { dim, descending: order }));
}

/** The indices that would sort the tensor along `dim`. */
export function argsort(input: Operand, dim = -1, descending: Descending = false): Traced {
  return sort(input, dim, descending).indices;
}

function valuesAndIndices(outputs: readonly Traced[]): ValuesAndIndices {
  const [values, indices] = outputs as [Traced, Traced];
  return { values, indices };
}
