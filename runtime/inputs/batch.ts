import { Tensor } from '../tensor/tensor.ts';

/** Rows of tokens of one length: both int64 [batch, sequence]. */
export interface TokenBatch {
  readonly input_ids: Tensor<'int64'>;
  /** 1 where a token stands, 0 where it is padding. */
  readonly attention_mask: Tensor<'int64'>;
}

/** Fills shorter rows up on the left, so that the last token of every row stands in the last column. */
export function batchRows(rows: readonly (readonly number[])[], padTokenId: number): TokenBatch {
  const length = Math.max(0, ...rows.map((row) => row.length));
  const input = new BigInt64Array(rows.length * length).fill(BigInt(padTokenId));
  const mask = new BigInt64Array(rows.length * length);
  rows.forEach((row, index) => {
    const end = (index + 1) * length;
    row.forEach((id, position) => {
      input[end - row.length + position] = BigInt(id);
    });
    mask.fill(1n, end - row.length, end);
  });
  const dims = [rows.length, length];
  return { input_ids: new Tensor('int64', dims, input), attention_mask: new Tensor('int64', dims, mask) };
}
