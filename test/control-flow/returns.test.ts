import { describe, expect, it } from 'vitest';
import { expectSame, type Make } from './same.ts';

/** Of 0, 4, 8 the first above a limit: a helper that returns out of an ordinary loop on a traced condition. */
function first(T: Make, limit: number): number {
  'use trace';
  for (let i = 0; i < 3; i++) if (T(i * 4) > limit) return i;
  return -1;
}

describe('what a helper returns on a traced condition is a number like others', () => {
  it.each([5, 0, 99, -1])('in operators, calls and conditions (%i)', async (limit) => {
    await expectSame((T) => {
      'use trace';
      const f = () => first(T, limit);
      let z = 0;
      if (f() >= 0) z = 1;
      let y = 0;
      if (f() + 1) y = 1;
      return [
        f(),
        f() * 2,
        f() > 0 ? 1 : 0,
        z,
        y,
        f() === 2 ? 1 : 0,
        !f() ? 1 : 0,
        Math.max(f(), 0),
        -f(),
        [7, 8, 9][Math.max(f(), 0)]!,
        f() || 9,
        f() && 9,
        T(10) + f(),
      ];
    });
  });

  it('out of while, do, nested loops and with labels', async () => {
    await expectSame((T) => {
      'use trace';
      const whiles = () => {
        let i = 0;
        while (i < 5) {
          if (T(i) > 2) return i;
          i++;
        }
        return -1;
      };
      const dos = () => {
        let i = 0;
        do {
          if (T(i) > 2) return i * 10;
          i++;
        } while (i < 5);
        return -1;
      };
      const nested = (limit: number) => {
        for (const a of [1, 2, 3]) for (const b of [10, 20]) if (T(a) * b > limit) return [a, b];
        return [0, 0];
      };
      const labelled = (limit: number) => {
        let seen = 0;
        outer: for (const a of [1, 2, 3]) {
          for (const b of [1, 2]) {
            if (T(a) * b > limit) continue outer;
            if (T(a) > 2) break outer;
            seen += a * b;
          }
        }
        return seen;
      };
      return [whiles(), dos(), nested(25), nested(45), nested(99), labelled(3), labelled(0), labelled(9)];
    });
  });

  it('many returns one after another, and variables between them', async () => {
    await expectSame((T) => {
      'use trace';
      const grade = (v: number) => {
        if (T(v) < 1) return 'none'.length;
        const twice = T(v) * 2;
        if (twice < 4) return twice;
        let sum = twice + v;
        if (sum > 20) return sum;
        sum -= 1;
        return -sum;
      };
      return [0, 1, 2, 5, 9].map((v) => grade(v));
    });
  });

  it('objects and arrays', async () => {
    await expectSame((T) => {
      'use trace';
      const split = (v: number) => {
        for (const k of [2, 4, 6]) if (T(v) < k) return { low: [T(v), k], high: 0 };
        return { low: [0, 0], high: T(v) };
      };
      const far = split(9);
      return [split(1), split(5), far, split(3).low[1]! + far.high];
    });
  });

  it('nothing on one side', async () => {
    await expectSame((T) => {
      'use trace';
      const maybe = (v: number): number | undefined => {
        if (T(v) > 0) return T(v) * 2;
      };
      const missing = (v: number) => (maybe(v) === undefined ? 1 : 0);
      const found = maybe(3);
      return [missing(1), missing(-1), maybe(2) == null ? 1 : 0, found ? found + 1 : 0];
    });
  });
});

it('a return on the way is no number where nothing was returned', async () => {
  await expect(
    expectSame((T) => {
      'use trace';
      const maybe = (v: number): number | undefined => {
        if (T(v) > 0) return v;
      };
      return maybe(1)! + 1;
    }),
  ).rejects.toThrow(/returns\.test\.ts:\d+:\d+ - 'what the function returns' has a value only if a traced condition/);
});
