import { add, mean, save } from 'onnsight';
import { describe, it } from 'vitest';
import { clean, lm, marked } from './support.ts';

const { traceFails } = marked(import.meta.url);

describe('an operation that does not fit', () => {
  it('an index out of range', () =>
    traceFails(
      lm.trace(clean, () => {
        const h = lm.transformer.h[0].output;
        return save(h['0, 99']); // @index
      }),
      'index',
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
