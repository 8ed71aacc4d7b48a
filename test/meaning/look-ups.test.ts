import { save } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { model, small, traced } from './support.ts';

describe('typeof', () => {
  it('a traced number is a number, a truth value a boolean, a tensor with dimensions an object', async () => {
    const found = await small.trace(() => {
      const t = traced(2);
      const kinds = [typeof t, typeof (t > 1), typeof model.layer1.output, typeof save(t), typeof 2, typeof undefined];
      return kinds.map((kind) => save(kind === 'number' ? 1 : kind === 'boolean' ? 2 : kind === 'object' ? 3 : 0));
    });
    expect(found).toEqual([1, 2, 3, 1, 1, 0]);
  });

  it('decides while the block is built', async () => {
    const double = (x: unknown): number => {
      'use trace';
      return typeof x === 'number' ? x * 2 : 0;
    };
    expect(await small.trace(() => save(double(traced(2))))).toBe(4);
  });
});
