// biome-ignore-all lint/suspicious/noDoubleEquals: these are the operators themselves.
// biome-ignore-all lint/suspicious/noSelfCompare: NaN differs from itself.
import { save } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { small, traced, tracedInt } from './support.ts';

/** Makes a number: of plain JavaScript, or one that only the run knows. */
type Make = (value: number) => number;
type Expression = (T: Make, I: Make) => unknown;

/** What JavaScript makes of an expression, and what a block makes of it. */
const EXPRESSIONS: Readonly<Record<string, Expression>> = {
  'round of halves': (T) => {
    'use trace';
    return [2.5, 3.5, -2.5, -3.5, 0.5, -0.5, 1.5].map((x) => Math.round(T(x)));
  },
  'round of what has no fraction': (T) => {
    'use trace';
    return [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 0, -0, -7].map((x) => Math.round(T(x)));
  },
  'round to minus zero': (T) => {
    'use trace';
    return [-0.2, -0.5, 0.2].map((x) => 1 / Math.round(T(x)));
  },
  'ceil and trunc to minus zero': (T) => {
    'use trace';
    return [1 / Math.ceil(T(-0.5)), 1 / Math.trunc(T(-0.5)), 1 / Math.trunc(T(0.5)), 1 / Math.trunc(T(-0))];
  },
  'trunc of what has no fraction': (T) => {
    'use trace';
    return [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 5].map((x) => Math.trunc(T(x)));
  },
  'the larger and the smaller of zeros with signs': (T) => {
    'use trace';
    const signs = [
      [0, -0],
      [-0, 0],
      [-0, -0],
      [0, 0],
    ].flatMap(([a, b]) => [
      Math.max(T(a!), T(b!)),
      Math.min(T(a!), T(b!)),
      Math.max(T(a!), b!),
      Math.min(a!, T(b!)),
      Math.min(T(a!), b!),
      Math.max(a!, T(b!)),
    ]);
    return signs.map((one) => 1 / one);
  },
  'the larger and the smaller of others': (T, I) => {
    'use trace';
    const infinity = Number.POSITIVE_INFINITY;
    return [
      Math.max(T(3), T(-4)),
      Math.min(T(3), -4),
      Math.max(T(-infinity), 0),
      Math.min(T(infinity), 0),
      Math.max(T(Number.NaN), 0),
      Math.min(T(1), T(Number.NaN)),
      1 / Math.max(T(-3), -0),
      1 / Math.max(T(-3), T(-0)),
      1 / Math.min(T(3), T(0)),
      Math.max(I(3), 0),
      Math.max(T(-2), -5, T(-1)),
    ];
  },
  'sign of zeros and NaN': (T) => {
    'use trace';
    return [1 / Math.sign(T(-0)), 1 / Math.sign(T(0)), Math.sign(T(Number.NaN)), Math.sign(T(-3))];
  },
  'sign of whole numbers': (_, I) => {
    'use trace';
    return [Math.sign(I(-3)), Math.sign(I(0)), Math.sign(I(9))];
  },
  'max and min with NaN': (T) => {
    'use trace';
    return [
      Math.max(T(Number.NaN), 1),
      Math.max(1, T(Number.NaN)),
      Math.min(T(1), Number.NaN, 2),
      Math.max(T(1), T(3), T(2)),
    ];
  },
  'max and min of one, and with infinities': (T) => {
    'use trace';
    return [
      Math.max(T(-3)),
      Math.min(T(-3), Number.POSITIVE_INFINITY),
      Math.max(T(-3), Number.NEGATIVE_INFINITY),
      Math.min(),
      Math.max(),
    ];
  },
  'max of a truth value': (T) => {
    'use trace';
    return [Math.max((T(1) > 0) as unknown as number), Math.max((T(1) > 0) as unknown as number, -2)];
  },
  'cbrt of edges': (T) => {
    'use trace';
    return [27, -64, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN].map((x) => Math.cbrt(T(x)));
  },
  'cbrt of minus zero': (T) => {
    'use trace';
    return 1 / Math.cbrt(T(-0));
  },
  'log1p and expm1 of edges': (T) => {
    'use trace';
    return [
      Math.log1p(T(-1)),
      Math.log1p(T(Number.POSITIVE_INFINITY)),
      Math.log1p(T(-2)),
      1 / Math.log1p(T(-0)),
      Math.expm1(T(Number.NEGATIVE_INFINITY)),
      Math.expm1(T(Number.POSITIVE_INFINITY)),
      1 / Math.expm1(T(-0)),
      Math.expm1(T(Number.NaN)),
    ];
  },
  'hypot of edges': (T) => {
    'use trace';
    return [
      Math.hypot(T(3), 4),
      Math.hypot(T(Number.NaN), 1),
      Math.hypot(T(Number.NaN), Number.POSITIVE_INFINITY),
      Math.hypot(T(Number.NEGATIVE_INFINITY), 1),
      Math.hypot(T(0), T(-0)),
      Math.hypot(T(1), 2, T(2), 4),
      Math.hypot(),
    ];
  },
  'hypot of whole numbers': (_, I) => {
    'use trace';
    return [Math.hypot(I(3), I(4)), Math.hypot(I(-5))];
  },
  'powers of edges': (T) => {
    'use trace';
    return [
      T(1) ** Number.NaN,
      T(1) ** Number.POSITIVE_INFINITY,
      T(-1) ** Number.NEGATIVE_INFINITY,
      T(Number.NaN) ** 0,
      T(0) ** 0,
      T(0) ** -1,
      T(-8) ** (1 / 3),
      2 ** T(Number.NaN),
      1 ** T(Number.NaN),
      1 ** T(Number.POSITIVE_INFINITY),
      T(1) ** T(Number.NaN),
      T(-1) ** T(Number.POSITIVE_INFINITY),
      T(2) ** T(10),
    ];
  },
  'powers of whole numbers': (_, I) => {
    'use trace';
    return [I(2) ** 10, I(3) ** 0, I(-3) ** 3, I(2) ** -1, I(2) ** -2, I(2) ** 0.5, I(4) ** -1, 2 ** I(3)];
  },
  'a division by zero': (T, I) => {
    'use trace';
    return [T(1) / 0, T(-1) / 0, T(0) / 0, 1 / T(-0), I(7) / 0, I(0) / I(0), I(7) / 2, I(-7) / 2];
  },
  'a rest of edges': (T) => {
    'use trace';
    return [
      T(5) % 0,
      T(5) % Number.POSITIVE_INFINITY,
      T(Number.POSITIVE_INFINITY) % 2,
      T(Number.NaN) % 2,
      T(-5.5) % 2,
      1 / (T(-4) % 2),
      T(5) % -3,
    ];
  },
  'a rest of whole numbers': (_, I) => {
    'use trace';
    return [I(-7) % 3, I(7) % -3, I(7) % I(4), I(0) % 3];
  },
  'comparisons with NaN': (T) => {
    'use trace';
    const n = T(Number.NaN);
    return [n === n, n !== n, n < 1, n > 1, n <= n, n >= n, n == 0, n != 0, !(n < 1)];
  },
  'the truth of NaN and zeros': (T) => {
    'use trace';
    return [
      T(Number.NaN) ? 1 : 2,
      !T(Number.NaN),
      !!T(Number.NaN),
      T(Number.NaN) || 5,
      T(-0) ? 1 : 2,
      T(Number.NaN) && 5,
      T(0.25) ? 1 : 2,
    ];
  },
  'NaN as the condition of an if and of a while': (T) => {
    'use trace';
    let n = 0;
    if (T(Number.NaN)) n = 1;
    let x = T(Number.NaN);
    while (x) {
      n += 10;
      x = T(0);
    }
    return n;
  },
  'truth values compared with numbers': (T) => {
    'use trace';
    const yes = (T(1) > 0) as unknown as number;
    return [yes == 1, yes != 1, yes > 0, yes === 1, yes !== 1, yes === (true as unknown as number), yes + 1 === 2];
  },
  'whole numbers near 2^53': (_, I) => {
    'use trace';
    return [I(2 ** 53 - 1) + 1, I(2 ** 53) - 1, I(-(2 ** 53)) + 1, I(2 ** 53 - 1) > I(2 ** 53 - 2)];
  },
  'fractions beside whole numbers': (_, I) => {
    'use trace';
    return [I(2) * 0.5, I(2) + 0.25, 0.5 - I(1), I(7) > 6.5, I(7) >= 7.5];
  },
  'negation and plus': (T, I) => {
    'use trace';
    return [-T(2), 1 / -T(0), -I(2), +T(3), +(T(3) > 1), -(T(3) > 1)];
  },
};

const single = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(single);
  if (typeof value === 'bigint') return Number(value);
  return typeof value === 'number' && !Number.isInteger(value) ? Math.fround(value) : value;
};

/** A running value that begins with a plain one and is returned out of a loop, by what it is. */
const TOTALS: Readonly<Record<string, Expression>> = {
  'a whole number that fractions are added to': (T) => {
    'use trace';
    const total = (): number => {
      let sum = 0;
      for (const x of [0.5, 1.5, 4].map(T)) {
        sum += x;
        if (sum > 1.75) return sum;
      }
      return -1;
    };
    return total();
  },
  'a whole number that whole numbers are added to': (_, I) => {
    'use trace';
    const total = (): number => {
      let sum = 0;
      for (const x of [1, 2, 3].map(I)) {
        sum += x;
        if (sum > 2) return sum;
      }
      return sum;
    };
    return total();
  },
  'a whole number that truth values are added to': (T) => {
    'use trace';
    const count = (): number => {
      let sum = 0;
      for (const x of [1, -2, 3, 4].map(T)) {
        sum += (x > 0) as unknown as number;
        if (sum == 2) return sum;
      }
      return 100;
    };
    return count();
  },
  'a truth value': (T) => {
    'use trace';
    const isFound = (): boolean => {
      let found = false;
      for (const x of [1, 5, 2].map(T)) {
        found = found || x > 4;
        if (x > 4.5) return found;
      }
      return found;
    };
    return [isFound(), isFound() ? 3 : 4];
  },
  'a whole number that stays one on one side and becomes a fraction on the other': (T) => {
    'use trace';
    const f = (x: number): number => {
      if (x > 1) return 2;
      return x / 4;
    };
    return [f(T(3)), f(T(1))];
  },
  'a product that begins as 1': (T, I) => {
    'use trace';
    let [product, whole] = [1, 1];
    for (const x of [0.5, 3].map(T)) product *= x;
    for (const x of [5, 3].map(I)) whole *= x;
    return [product, whole];
  },
  'a least and a greatest': (T) => {
    'use trace';
    let [least, greatest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const x of [2, -1, 0.5].map(T)) {
      least = Math.min(least, x);
      greatest = Math.max(greatest, x);
    }
    return [least, greatest];
  },
};

/** The same over the rows of a tensor, in a loop node. */
const ROWS: Readonly<Record<string, Expression>> = {
  'a sum of fractions, cut short': () => {
    'use trace';
    const total = (): number => {
      let sum = 0;
      for (const x of rows([0.5, 1.5, 4])) {
        sum += x;
        if (sum > 1.75) return sum;
      }
      return -1;
    };
    return total();
  },
  'how many are positive': () => {
    'use trace';
    let count = 0;
    for (const x of rows([1, -2, 3])) count += (x > 0) as unknown as number;
    return count;
  },
  'whether one is found': () => {
    'use trace';
    let found = false;
    for (const x of rows([1, 5, 2])) if (x > 4) found = true;
    return [found, found ? 3 : 4];
  },
  'whether all are positive, returned': () => {
    'use trace';
    const all = (values: number[]): boolean => {
      for (const x of rows(values)) if (!(x > 0)) return false;
      return true;
    };
    return [all([1, 2]), all([1, -2])];
  },
  'a count that becomes a fraction': () => {
    'use trace';
    let n = 1;
    for (const x of rows([2, 4])) n /= x;
    return n;
  },
};
let rows: (values: number[]) => number[] = (values) => values;

/** A number that only the run knows, whose zero has its sign. */
const signed: Make = (value) => {
  'use trace';
  return Object.is(value, -0) ? -Math.abs(traced(0)) : traced(value);
};

const compare = async (expression: Expression) => {
  rows = (values) => values;
  const wanted = expression(
    (value) => value,
    (value) => value,
  );
  rows = traced as unknown as typeof rows;
  const found = await small.trace(() => {
    const result = expression(signed, tracedInt);
    return Array.isArray(result) ? result.map((one) => save(one)) : save(result as number);
  });
  expect(single(found)).toEqual(single(wanted));
};

describe("numbers are JavaScript's at their edges", () => {
  it.each(Object.entries(EXPRESSIONS))('%s', (_, expression) => compare(expression));
});

describe('a running value', () => {
  it.each(Object.entries(TOTALS))('%s', (_, expression) => compare(expression));
  it.each(Object.entries(ROWS))('over the rows of a tensor: %s', (_, expression) => compare(expression));
});
