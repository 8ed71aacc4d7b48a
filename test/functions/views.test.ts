import { reshape, save, type Traced, tensor, view } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { small, traced } from '../meaning/support.ts';

/** The tensor [[1, 2, 3], [4, 5, 6]], which only the run knows. */
function six(): Traced {
  'use trace';
  return reshape(traced(0) + tensor([1, 2, 3, 4, 5, 6]), 2, 3);
}

describe('view', () => {
  // What PyTorch 2.8 says: "view size is not compatible with input tensor's size and stride".
  it.each([
    ['a transposed tensor', () => small.trace(() => save(six().t().view(6)))],
    ['every second column', () => small.trace(() => save(six()[':, ::2'].view(4)))],
    ['a copy of a transposed tensor, which lies as it does', () => small.trace(() => save(view(six().t() * 1, 6)))],
    ['an expanded tensor', () => small.trace(() => save(six()[':, :1'].expand(2, 3).view(6)))],
  ])('%s has none with these sizes: an error at the line', async (_, trace) => {
    await expect(trace()).rejects.toThrow(/views\.test\.ts:\d+:\d+ - view: view size is not compatible.*reshape/);
  });

  it('is there where PyTorch has one', async () => {
    expect(await small.trace(() => save(six().t().contiguous().view(6)))).toEqual([1, 4, 2, 5, 3, 6]);
    expect(await small.trace(() => save(six().t().t().view(6)))).toEqual([1, 2, 3, 4, 5, 6]);
    expect(await small.trace(() => save(six().t().view(3, 2, 1, 1).view(3, 1, 2)))).toEqual([
      [[1, 4]],
      [[2, 5]],
      [[3, 6]],
    ]);
    expect(await small.trace(() => save(six().t().reshape(6)))).toEqual([1, 4, 2, 5, 3, 6]);
  });
});

describe('detach', () => {
  it('gives a tensor that shares its elements, as in PyTorch', async () => {
    const block = () => {
      const x = six();
      const rows = x.detach();
      const first = rows[0];
      x['0, 0'] = 9;
      return save(rows.sum(-1) + first[0]);
    };
    expect(await small.trace(block)).toEqual([23, 24]);
  });

  it('is not changed in place: the gradient would not know', async () => {
    const block = () => {
      const x = six();
      const rows = x.detach()[':, 1:'];
      rows['0'] = 9;
      return save(x);
    };
    await expect(small.trace(block)).rejects.toThrow(
      /views\.test\.ts:\d+:\d+ - A tensor that detach\(\) gave is changed in place/,
    );
  });

  it('has a clone of its own', async () => {
    const block = () => {
      const x = six();
      const own = x.detach().clone();
      own['0'] = 0;
      return save(own + x);
    };
    expect(await small.trace(block)).toEqual([
      [1, 2, 3],
      [8, 10, 12],
    ]);
  });
});
