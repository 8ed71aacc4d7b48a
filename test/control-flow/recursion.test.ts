import { describe, it } from 'vitest';
import { expectEqual, expectRefused } from './programs.ts';

describe('a function that calls itself under a traced condition', () => {
  it.each([
    ['an expression', 'f', 'const f = (n) => n < 1 ? 0 : n + f(n - 1); return { n: f(T(3)) };'],
    [
      'an early return',
      'f',
      'const f = (n) => { if (n < 2) return n; return f(n - 1) + f(n - 2); }; return { n: f(T(5)) };',
    ],
    ['a branch', 'f', 'function f(n) { let r = 0; if (n > 0) { r = f(n - 1) + 1; } return r; } return { n: f(T(2)) };'],
    [
      'two functions',
      '(even|odd)',
      'const even = (n) => n < 1 ? 1 : odd(n - 1), odd = (n) => n < 1 ? 0 : even(n - 1); return { n: even(T(3)) };',
    ],
    [
      'a method',
      'depth',
      'class C { depth(n) { return n < 1 ? 0 : 1 + this.depth(n - 1); } } return { n: new C().depth(T(3)) };',
    ],
    [
      'a loop over rows',
      'f',
      'const f = (n) => { let s = 0; for (const r of V([1, 2])) { if (n > r) s += f(n - 1); } return s; }; return { n: f(T(1)) };',
    ],
  ])('%s', (_, name, body) =>
    expectRefused(body, new RegExp(`The function ${name} calls itself under a traced condition.*Write it as a loop`)),
  );

  it('may do so as often as a plain number says', () =>
    expectEqual(
      'const f = (k) => { if (k === 0) return 1; let r = 0; if (T(k) > 0) r = f(k - 1) + 1; return r; }; return { n: f(20) };',
    ));
});

const each = (count: number, make: (i: number) => string) => Array.from({ length: count }, (_, i) => make(i)).join('');
const chained = (count: number, body: (inner: string) => string) =>
  `const f0 = (v) => v; ${each(count, (i) => `const f${i + 1} = (v) => { ${body(`f${i}`)} };`)} return { n: f${count}(T(2)) };`;

it('says so where functions call one another in both sides, twice as often with each', () =>
  expectRefused(
    chained(20, (f) => `if (v > 1) return ${f}(v + 1); return ${f}(v - 1);`),
    /The functions f\d+, f\d+, f\d+ and others call one another in both sides of traced conditions/,
  ));

it('follows as many functions that call one another in one side, or behind the condition', async () => {
  await expectEqual(chained(20, (f) => `let w = v - 1; if (v > 1) w = v + 1; return ${f}(w);`));
  await expectEqual(chained(20, (f) => `if (v > 1) return ${f}(v + 1); return v;`));
});

it('says so where conditions stand one in another too deeply', () =>
  expectRefused(
    `let n = 0; ${'if (T(1) > 0) { '.repeat(40)} n = 1; ${'}'.repeat(40)} return { n };`,
    /More than 30 branches and loops/,
  ));
