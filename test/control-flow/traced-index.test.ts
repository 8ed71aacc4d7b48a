import { save } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { model, small, traced, tracedInt } from '../meaning/support.ts';

/** A row of ten elements, from 0 to 9. */
function row(): number[] {
  'use trace';
  return (model.layer1.output[0] * 0 + traced([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])) as unknown as number[];
}

const outside =
  /traced-index\.test\.ts:\d+:\d+ - The model could not run with this intervention: the index -?\d+ is out of range: it has 10 rows, so indices run from 0 to 9/;

describe('an index that only the run knows', () => {
  it('counts from the end where it is negative, in reads and writes', async () => {
    const found = await small.trace(() => {
      const y = row();
      y[tracedInt(-10)] = 50;
      y[tracedInt(9)] = 90;
      return [save(y[tracedInt(-1)]!), save(y[tracedInt(0)]!), save(y)];
    });
    expect(found).toEqual([90, 50, [50, 1, 2, 3, 4, 5, 6, 7, 8, 90]]);
  });

  it.each([
    ['read', 10, () => small.trace(() => save(row()[tracedInt(10)]!))],
    ['read', -11, () => small.trace(() => save(row()[tracedInt(-11)]!))],
    [
      'written',
      10,
      () =>
        small.trace(() => {
          const y = row();
          y[tracedInt(10)] = 5;
          return save(y);
        }),
    ],
    [
      'written',
      -11,
      () =>
        small.trace(() => {
          const y = row();
          y[tracedInt(-11)] = 5;
          return save(y);
        }),
    ],
    [
      'written',
      99,
      () =>
        small.trace(() => {
          const y = row();
          y[tracedInt(99)] = 5;
          return save(y);
        }),
    ],
    [
      'added to',
      10,
      () =>
        small.trace(() => {
          const y = row();
          y[tracedInt(10)]! += 5;
          return save(y);
        }),
    ],
  ])('fails the run where it is out of range: %s at %d', async (_, __, trace) => {
    await expect(trace()).rejects.toThrow(outside);
  });

  it('fails the run in a list of indices and in a branch, too', async () => {
    await expect(
      small.trace(() => {
        const y = row();
        (y as unknown as Record<string, unknown>)[[tracedInt(3), tracedInt(10)] as unknown as string] = 5;
        return save(y);
      }),
    ).rejects.toThrow(/out of range|out of bounds|must be within/);
    await expect(
      small.trace(() => {
        const y = row();
        if (traced(1) > 0) y[tracedInt(10)] = 5;
        return save(y);
      }),
    ).rejects.toThrow(outside);
  });
});
