import { narrow, save } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { model, small, tracedInt } from '../meaning/support.ts';

describe('narrow', () => {
  it.each([
    [8, 3, /start \(8\) \+ length \(3\) exceeds dimension size \(10\)/],
    [11, 0, /start out of range \(expected to be in range of \[-10, 10\], but got 11\)/],
    [-11, 1, /start out of range/],
    [0, -1, /length must be non-negative/],
  ])('from %d, %d entries, is outside of a tensor of 10', async (start, length, says) => {
    await expect(small.trace(() => save(narrow(model.layer1.output[0], 0, start, length)))).rejects.toThrow(says);
  });

  it('counts from the end where the start is negative, to the very end too', async () => {
    const { all, parts } = await model.trace({ x: [[1, 2, 3, 4, 5]] }, () => {
      const x = model.layer1.output[0];
      const parts = [narrow(x, 0, -2, 2), narrow(x, 0, tracedInt(-2), tracedInt(2)), narrow(x, 0, 10, 0)];
      return { all: save(x), parts: parts.map((one) => save(one)) };
    });
    const last = Array.from(all.data).slice(-2);
    expect(parts.map((part) => Array.from(part.data))).toEqual([last, last, []]);
  });

  it.each([
    [8, 3],
    [11, 0],
    [-11, 1],
    [-12, 1],
    [3, -1],
  ])('from %d, %d entries, that only the run knows, fails the run outside of the tensor', async (start, length) => {
    const run = small.trace(() => save(narrow(model.layer1.output[0], 0, tracedInt(start), tracedInt(length))));
    await expect(run).rejects.toThrow(/narrow\.test\.ts:\d+:\d+ - .*is out of range/);
  });
});
