import { Tensor } from '../tensor/tensor.ts';
import { ATTENTION_MASK, TOKEN_IDS } from './convention.ts';

/** Rows of tokens of one length, as a model's inputs. */
export interface TokenBatch {
  readonly [TOKEN_IDS]: Tensor<'int64'>;
  readonly [ATTENTION_MASK]: Tensor<'int64'>;
}

/** Fills shorter rows up on one side. */
export function batchRows(
  rows: readonly (readonly number[])[],
  padTokenId: number,
  side: 'left' | 'right',
): TokenBatch {
  const length = Math.max(0, ...rows.map((row) => row.length));
  const input = new BigInt64Array(rows.length * length).fill(BigInt(padTokenId));
  const mask = new BigInt64Array(rows.length * length);
  rows.forEach((row, index) => {
    const start = side === 'left' ? (index + 1) * length - row.length : index * length;
    row.forEach((id, position) => {
      input[start + position] = BigInt(id);
    });
    mask.fill(1n, start, start + row.length);
  });
  const dims = [rows.length, length];
  return { [TOKEN_IDS]: new Tensor('int64', dims, input), [ATTENTION_MASK]: new Tensor('int64', dims, mask) };
}
