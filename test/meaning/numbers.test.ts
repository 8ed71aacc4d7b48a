import { expm1, fmod, log1p, norm, save, tensor } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { inputs, model, small, traced, tracedInt } from './support.ts';

/** A number as a float32 holds it. */
const single = Math.fround;

describe('a number that no int64 holds', () => {
  it.each([
    [1e20, () => small.trace(() => save(1e20))],
    [2 ** 63, () => small.trace(() => save(2 ** 63))],
    [-1e19, () => small.trace(() => save(-1e19))],
    [1e20, () => small.trace(() => save(traced(1) > 0 ? 1e20 : 0))],
    [2e20, () => small.trace(() => save(tracedInt(2) * 1e20))],
  ])('is the float32 nearest to it, as in PyTorch: %d', async (wanted, trace) => {
    expect(await trace()).toBe(single(wanted));
  });

  it('makes floats of the whole numbers beside it', async () => {
    expect(await small.trace(() => save([1, 1e20]))).toEqual([1, single(1e20)]);
  });

  it('is what a search for the least or the greatest may begin with', async () => {
    const least = await small.trace(() => {
      let m = Number.MAX_VALUE;
      for (const r of traced([3, 1, 2])) if (r < m) m = r;
      return save(m);
    });
    const greatest = await small.trace(() => {
      let m = -Number.MAX_VALUE;
      for (const r of traced([-3, -1, -2])) if (r > m) m = r;
      return save(m);
    });
    expect([least, greatest]).toEqual([1, -1]);
  });

  it('the greatest int64 is still one', async () => {
    const { dtype, data } = await model.trace(inputs, () => save(2n ** 63n - 1n));
    expect([dtype, data]).toEqual(['int64', BigInt64Array.of(2n ** 63n - 1n)]);
  });

  it.each([
    ['9223372036854775808 does not fit in int64', () => small.trace(() => save(2n ** 63n))],
    ['-18446744073709551616 does not fit in int64', () => small.trace(() => save(-(2n ** 64n)))],
    [
      '300 does not fit in uint8, whose numbers go from 0 to 255',
      () => small.trace(() => save(tensor(300, { dtype: 'uint8' }))),
    ],
    ['-1 does not fit in uint64', () => small.trace(() => save(tensor([1, -1], { dtype: 'uint64' })))],
    ['100000000000000000000 does not fit in int64', () => small.trace(() => save(tensor([1e20], { dtype: 'int64' })))],
  ])('is an error where an integer is asked for: %s', async (says, trace) => {
    await expect(trace()).rejects.toThrow(says);
  });
});

describe('functions of Math', () => {
  it.each([
    ['log1p(1e-8)', Math.log1p(1e-8), () => small.trace(() => save(Math.log1p(traced(1e-8))))],
    ['log1p(-1e-6)', Math.log1p(-1e-6), () => small.trace(() => save(Math.log1p(traced(-1e-6))))],
    ['expm1(1e-8)', Math.expm1(1e-8), () => small.trace(() => save(Math.expm1(traced(1e-8))))],
    ['expm1(-1e-6)', Math.expm1(-1e-6), () => small.trace(() => save(Math.expm1(traced(-1e-6))))],
    ["PyTorch's log1p", Math.log1p(1e-8), () => small.trace(() => save(log1p(traced(1e-8))))],
    ["PyTorch's expm1", Math.expm1(1e-8), () => small.trace(() => save(expm1(traced(1e-8))))],
    ['hypot(-3)', 3, () => small.trace(() => save(Math.hypot(traced(-3))))],
    ['hypot(2, 3, 6)', 7, () => small.trace(() => save(Math.hypot(traced(2), 3, traced(6))))],
    ['hypot(3e30, 4e30)', 5e30, () => small.trace(() => save(Math.hypot(traced(3e30), traced(4e30))))],
    ['log10(1000)', 3, () => small.trace(() => save(Math.floor(Math.log10(traced(1000)))))],
    ['log2(8)', 3, () => small.trace(() => save(Math.floor(Math.log2(traced(8)))))],
    ['cbrt(27)', 3, () => small.trace(() => save(Math.cbrt(traced(27))))],
    ['cbrt(-8)', -2, () => small.trace(() => save(Math.cbrt(traced(-8))))],
    ['round(0.49999997)', 0, () => small.trace(() => save(Math.round(traced(0.49999997))))],
    ['round(-2.5)', -2, () => small.trace(() => save(Math.round(traced(-2.5))))],
    ['round(8388609)', 8388609, () => small.trace(() => save(Math.round(traced(8388609))))],
    ['round(int)', 7, () => small.trace(() => save(Math.round(tracedInt(7))))],
    ['sign(NaN)', Number.NaN, () => small.trace(() => save(Math.sign(traced(Number.NaN))))],
    ['sign(-2)', -1, () => small.trace(() => save(Math.sign(traced(-2))))],
    ['trunc(-2.7)', -2, () => small.trace(() => save(Math.trunc(traced(-2.7))))],
    ['max(-3)', -3, () => small.trace(() => save(Math.max(traced(-3))))],
    ['max(1, 2, 3)', 3, () => small.trace(() => save(Math.max(1, traced(3), 2)))],
    ['abs(true)', 1, () => small.trace(() => save(Math.abs((traced(1) > 0) as unknown as number)))],
  ])('%s', async (_, wanted, trace) => {
    const found = Number(await trace());
    expect(Math.abs(found - single(wanted)) <= 2e-7 * Math.abs(wanted) || Object.is(found, wanted), `${found}`).toBe(
      true,
    );
  });

  it('one that has no meaning for tensors is an error', async () => {
    await expect(small.trace(() => save(Math.atan(traced(1))))).rejects.toThrow(
      /numbers\.test\.ts:\d+:\d+ - Math\.atan/,
    );
  });
});

describe("operators are JavaScript's", () => {
  it.each([
    [-7, 3],
    [7, -3],
    [-7, -3],
    [5.5, 2],
    [-5.5, 2],
    [0, 3],
  ])('%d %% %d', async (a, b) => {
    expect(await small.trace(() => save(traced(a) % b))).toBe(a % b || 0);
    expect(await small.trace(() => save(traced(a) % traced(b)))).toBe(a % b || 0);
    expect(await small.trace(() => save(fmod(traced(a), b)))).toBe(a % b || 0);
  });

  it('% on whole numbers, and on every element', async () => {
    expect(await small.trace(() => save(tracedInt(-7) % 3))).toBe(-1);
    expect(await small.trace(() => save(traced([-7, 7, -1]) % 3))).toEqual([-1, 1, -1]);
  });

  it('% of a whole number by zero fails the run at its line', async () => {
    const says = /numbers\.test\.ts:\d+:\d+ - .*a whole number is divided by 0 to take the rest/;
    await expect(small.trace(() => save(tracedInt(7) % 0))).rejects.toThrow(says);
    await expect(small.trace(() => save(tracedInt(7) % tracedInt(0)))).rejects.toThrow(says);
  });

  it("remainder is PyTorch's: it has the sign of the divisor", async () => {
    expect(await small.trace(() => save(traced([-7, 7, -1]).remainder(3)))).toEqual([2, 1, 2]);
  });

  it('truth values count as 1 and 0', async () => {
    const found = await small.trace(() => {
      const [yes, no] = [(traced(2) > 0) as unknown as number, (traced(-2) > 0) as unknown as number];
      let n = 0;
      for (const x of traced([1, -1, 2])) n += (x > 0) as unknown as number;
      return [
        yes + yes,
        yes + no,
        yes - no,
        no - yes,
        yes * yes,
        -yes,
        +yes,
        yes + 1,
        yes / yes,
        yes ** no,
        yes % yes,
        n,
      ].map((one) => save(one));
    });
    expect(found).toEqual([2, 1, 1, -1, 1, -1, 1, 2, 1, 1, 0, 2]);
  });

  it('how many are above 0, by adding truths', async () => {
    const truths = () =>
      small.trace(() => save([1, 2].map((q) => (traced(q) > 0) as unknown as number).reduce((a, b) => a + b)));
    expect(await truths()).toBe(2);
  });
});

describe("norm has PyTorch's arguments", () => {
  it('the order, then the dimension', async () => {
    const found = await small.trace(() => {
      const x = model.layer1.output['0:1, :2'] * 0 + ([1, 2] as unknown as number);
      return [norm(x, 1), norm(x, 2, -1), norm(x, 1, -1, true), norm(x, Number.POSITIVE_INFINITY)].map((one) =>
        save(one),
      );
    });
    expect(found).toEqual([3, [single(Math.hypot(1, 2))], [[3]], 2]);
  });
});

describe('a running total that starts as the whole number 0', () => {
  it.each([
    [3, () => small.trace(() => save(until(2, 'after')))],
    [3, () => small.trace(() => save(until(2, 'before')))],
    [6, () => small.trace(() => save(until(9, 'before')))],
  ])('is returned out of a loop: %d', async (wanted, trace) => {
    expect(await trace()).toBe(wanted);
  });

  it('is returned in an array', async () => {
    const found = await small.trace(() => {
      const f = (): number[] => {
        let total = 0;
        for (const r of traced([1, 2, 3])) {
          if (r > 2) return [total, r];
          total += r;
        }
        return [total, 0];
      };
      return f().map((one) => save(one));
    });
    expect(found).toEqual([3, 3]);
  });
});

/** The sum of 1, 2, 3, up to where an element is above the limit. */
function until(limit: number, when: 'before' | 'after'): number {
  'use trace';
  let total = 0;
  for (const r of traced([1, 2, 3])) {
    if (when === 'before' && r > limit) return total;
    total += r;
    if (when === 'after' && total > limit) return total;
  }
  return total;
}
