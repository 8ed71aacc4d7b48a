import { abs, add, any, cat, einsum, gather, indexSelect, matmul, mean, save, topk, where } from 'onnsight';
import { describe, it } from 'vitest';
import { clean, lm, marked } from './support.ts';

const { traceFails } = marked(import.meta.url);

describe('an operation that does not fit', () => {
  it('an index out of range', () =>
    traceFails(
      lm.trace(clean, () => {
        const h = lm.transformer.h[0].output;
        return save(h['0, 99']); // @outside
      }),
      'outside',
      /99.*out of (range|bounds)|out of (range|bounds).*99/,
    ));

  it('an index out of range by number', () =>
    traceFails(
      lm.trace(clean, () => {
        const h = lm.transformer.h[0].output;
        return save(h[3]); // @number index
      }),
      'number index',
      /out of (range|bounds)/,
    ));

  it('the first row of a batch that is taken for the tensor of a tuple', () =>
    traceFails(
      lm.trace(clean, () => save(lm.transformer.h[1].output[0][':, -1, :'])), // @tuple
      'tuple',
      /too many indices.*transformer\.h\.1\.output\[0\] is the first row of the batch.*Leave \[0\] away/,
    ));

  it('a dimension that the tensor does not have', () =>
    traceFails(
      lm.trace(clean, () => {
        const h = lm.transformer.h[0].output;
        return save(mean(h, 5)); // @dim
      }),
      'dim',
      /5/,
    ));

  it('shapes that cannot broadcast', () =>
    traceFails(
      lm.trace(clean, () => {
        const h = lm.transformer.h[0].output;
        return save(add(h, [1, 2, 3] as never)); // @broadcast
      }),
      'broadcast',
      /size of tensor a \(128\) must match the size of tensor b \(3\)/,
    ));
});

/** Each error says what was found, what fits, and how to get there. */
const hidden = () => lm.transformer.h[0].output;
const logits = () => lm.lm_head.output;
// biome-ignore format: a row and its mark stand on one line.
function misfits(): [string, () => unknown, RegExp][] {
  'use trace';
  return [
    ['add', () => hidden() + logits(), /\(128\) must match .*\(189\).*dims are \[1, 15, 128\] and \[1, 15, 189\]/], // @add
    ['matmul', () => matmul(hidden(), hidden()), /last dimension of batch1 \(128\), but got 15.*transpose\(-2, -1\)/], // @matmul
    ['product', () => matmul(hidden()[0]!, hidden()[0]!), /\(15x128 and 15x128\): the last dimension.*transpose\(-2, -1\)/], // @product
    ['types', () => matmul(hidden(), lm.transformer.wte.input), /scalar type float32 but found int64.*to\('float32'\)/], // @types
    ['mask', () => abs(hidden() > 0), /abs: it takes numbers, but the tensor is bool\. Convert it with to\('int64'\)/], // @mask
    ['bits', () => hidden() & 1, /it takes integers or bools, but the tensor is float32.*to\('int64'\)/], // @bits
    ['mean', () => mean(lm.transformer.wte.input), /could not infer output dtype.*Got: int64\. Convert.*to\('float32'\)/], // @mean
    ['where', () => where(hidden() as never, 1, 0), /condition to be a boolean tensor, but it is float32\. Compare first/], // @where
    ['topk', () => topk(logits(), 500).values, /k out of range: k is 500, but dimension -1 has 189 elements/], // @topk
    ['cat', () => cat([hidden(), logits()], 1), /match except in dimension 1.*128.*189.*which has dims \[1, 15, 189\]/], // @cat
    ['scalars', () => cat([hidden().norm(), hidden().norm()], 0), /cannot be concatenated: stack\(\)/], // @scalars
    ['view', () => hidden().view(7, -1), /'\[7, -1\]' is invalid for input of size 1920, which has dims \[1, 15, 128\]/], // @view
    ['inferred', () => hidden().view(-1, -1), /only one dimension can be inferred, but the shape \[-1, -1\] has several/], // @inferred
    ['index', () => hidden()['0, 99'], /index 99 is out of bounds.*size 15: indices run from -15 to 14/], // @index
    ['indices', () => hidden()['0, 0, 0, 0'], /too many indices for tensor of dimension 3: 4 are given/], // @indices
    ['rows', () => indexSelect(hidden(), 1, [1, 40] as never), /index 40 is out of bounds.*indices run from -15 to 14/], // @rows
    ['rank', () => gather(hidden(), 1, [0, 1] as never), /dimensions as input tensor, but got \[2\] and \[1, 15, 128\]/], // @rank
    ['einsum', () => einsum('bsd,de->bse', hidden()), /fewer|more operands were provided.*1 for 'bsd,de->bse'/], // @einsum
    ['dimension', () => any(hidden() > 0, 3), /range of \[-3, 2\], but got 3\)/], // @dimension
  ];
}

it.each(misfits())('says what fits: %s', (mark, block, says) =>
  traceFails(
    lm.trace(clean, () => {
      lm.transformer.h[1].output *= 1;
      return block();
    }),
    mark,
    says,
  ),
);
