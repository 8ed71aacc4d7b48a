import type { At, DescendingOptions, LargestOptions } from '../types/options.ts';
import type { Operand, Traced, ValuesAndIndices } from '../types/tensor.ts';
import { nodes, operand } from './nodes.ts';
import { dimOptions } from './options.ts';
import { withSignature } from './with-signature.ts';

/** The `k` largest (or smallest) values along `dim`, in order, and where they are. */
export const topk = withSignature(
  'topk',
  (
    input: Operand,
    k: number,
    dim?: number | At<LargestOptions>,
    largest?: boolean | LargestOptions,
  ): ValuesAndIndices => {
    const options = dimOptions<At<LargestOptions>>('topk', dim, largest, ['largest']);
    const attributes = { dim: options.dim ?? -1, largest: options.largest ?? true };
    return valuesAndIndices(nodes('topk', [operand(input), operand(k, 'int64')], attributes));
  },
);

/** The values along `dim` in ascending order, and where they were. */
export const sort = withSignature(
  'sort',
  (
    input: Operand,
    dim?: number | At<DescendingOptions>,
    descending?: boolean | DescendingOptions,
  ): ValuesAndIndices => {
    const options = dimOptions<At<DescendingOptions>>('sort', dim, descending, ['descending']);
    const attributes = { dim: options.dim ?? -1, descending: options.descending ?? false };
    return valuesAndIndices(nodes('sort', [operand(input)], attributes));
  },
);

/** The indices that would sort the tensor along `dim`. */
export const argsort = withSignature(
  'argsort',
  (input: Operand, dim?: number | At<DescendingOptions>, descending?: boolean | DescendingOptions): Traced =>
    sort(input, dim, descending).indices,
);

function valuesAndIndices(outputs: readonly Traced[]): ValuesAndIndices {
  const [values, indices] = outputs as [Traced, Traced];
  return { values, indices };
}
