import type { Operand, Traced, ValuesAndIndices } from '../types/tensor.ts';
import { nodes, operand } from './nodes.ts';

/** The `k` largest (or smallest) values along `dim`, in order, and where they are. */
export function topk(input: Operand, k: number, dim = -1, largest = true): ValuesAndIndices {
  return valuesAndIndices(nodes('topk', [operand(input), operand(k, 'int64')], { dim, largest }));
}

/** The values along `dim` in ascending order, and where they were. */
export function sort(input: Operand, dim = -1, descending = false): ValuesAndIndices {
  return valuesAndIndices(nodes('sort', [operand(input)], { dim, descending }));
}

/** The indices that would sort the tensor along `dim`. */
export function argsort(input: Operand, dim = -1, descending = false): Traced {
  return sort(input, dim, descending).indices;
}

function valuesAndIndices(outputs: readonly Traced[]): ValuesAndIndices {
  const [values, indices] = outputs as [Traced, Traced];
  return { values, indices };
}
