import { describe, expect, it } from 'vitest';
import { traced } from './differential.ts';
import { expectEqual, expectRefused } from './programs.ts';

describe('an array at a place that only the run knows', () => {
  it.each([
    ['counts', `const h = [0, 0, 0]; for (const r of V([0, 2, 2, 1])) h[r]++; return { h, n: h.length };`],
    ['counts, unrolled', `const h = [0, 0, 0]; for (const r of [0, 2, 2, 1]) h[T(r)] += 1; return { h };`],
    ['set in a branch', `const a = [1, 2, 3]; if (T(0)) a[T(1)] = 9; if (T(1)) a[I(2)] = 8; return { a };`],
    ['set to an object', `const a = [{ v: 1 }, { v: 2 }]; a[T(1)] = { v: 5 }; return { n: a[0].v, m: a[1].v };`],
    ['set behind its last', `const a = [1, 2]; a[T(2)] = 3; return { a, n: a.length };`],
    ['swapped', `const a = [1, 2, 3], i = I(0), j = I(2); [a[i], a[j]] = [a[j], a[i]]; return { a };`],
    [
      'sorted by insertion',
      `const a = [T(3), T(1), T(2)]; for (let i = 1; i < a.length; i++) { let j = i; while (j > 0 && a[j - 1] > a[j]) { const t = a[j]; a[j] = a[j - 1]; a[j - 1] = t; j--; } } return { a };`,
    ],
    [
      'searched by halves',
      `const a = [1, 3, 5, 7, 9]; let lo = 0, hi = 4; while (lo < hi) { const m = Math.floor((lo + hi) / 2); if (a[m] < T(6)) lo = m + 1; else hi = m; } return { lo };`,
    ],
    [
      'where there is no element',
      `const a = [5, 6]; return { n: a[T(0.5)] ?? 7, m: a[T(1)] ?? 8, k: a[T(-1)] ?? 9, j: a[T(0 / 0)] ?? 4 };`,
    ],
    [
      'in the middle of an array that a loop filled',
      `const a = []; for (const r of V([3, 4, 1])) a.push(r); a.sort((x, y) => x - y); return { n: a[Math.floor(a.length / 2)] };`,
    ],
  ])('%s', async (_, body) => expectEqual(body));

  it.each([['an object', `const o = { 1: 5 }; o[T(1)] = 3; return { n: o[1] };`, /assigned to at a traced position/]])(
    '%s: an error',
    async (_, body, reason) => expectRefused(body, reason),
  );
});

it.each([
  ['far behind its end', 4],
  ['a fraction', 0.5],
  ['below 0', -1],
])('an element set at a place that no array has fails the run: %s', async (_, place) => {
  const body = `const a: any = [1, 2]; a[t(${place})] = t(3); return save(a[1]);`;
  expect(await traced({ body })).toHaveProperty('error', expect.stringMatching(/program\.ts:\d+:\d+ - .*index/));
});

describe('what an array that a loop filled has', () => {
  const a = `const a = []; for (const r of V([3, 4])) a.push(r);`;
  it.each([
    ['in', `${a} return { n: 1 in a ? 1 : 0, m: 2 in a ? 1 : 0, k: '0' in a ? 1 : 0, j: -1 in a ? 1 : 0 };`],
    ['in, of other keys', `${a} return { n: 'length' in a ? 1 : 0, m: 'map' in a && !('x' in a) ? 1 : 0 };`],
    ['in, after a branch', `const a = [1]; if (T(0)) a.push(2); return { n: 1 in a ? 1 : 0, m: 0 in a ? 1 : 0 };`],
    [
      'put into a Map again',
      `const m = new Map([[0, []]]); for (const r of V([3, 4])) { const l = m.get(0); l.push(r); m.set(0, l); } return { n: m.get(0).length };`,
    ],
  ])('%s', async (_, body) => expectEqual(body));
});

describe('a number beside what is none', () => {
  it.each([
    [
      'a text, by ==',
      `return { a: T(3) == '3' ? 1 : 0, b: '4' == T(3) ? 1 : 0, c: T(3) != 'x' ? 1 : 0, d: T(0) == '' ? 1 : 0, e: (T(1) > 0) == '1' ? 1 : 0 };`,
    ],
    ['a text, by ===', `return { a: T(3) === '3' ? 1 : 0, b: T(3) !== '3' ? 1 : 0 };`],
    [
      'an object, a function, a symbol',
      `const o = {}, f = () => 1, s = Symbol(); return { a: T(0) === o ? 1 : 0, b: o !== T(0) ? 1 : 0, c: f === T(1) ? 1 : 0, d: T(1) === s ? 1 : 0 };`,
    ],
    [
      'Number() of a truth',
      `return { n: Number(T(2) > 1) + [T(1) > 0, T(0) > 0].map(Number).reduce((x, y) => x + y) };`,
    ],
  ])('%s', async (_, body) => expectEqual(body));
});

describe('an entry of several numbers, taken by an index that only the run knows', () => {
  it('is read', () => expectEqual(`const g = [[1, 2], [3, 4]], row = g[T(1)]; return { n: row[0] * 10 + row[1] };`));

  it.each([
    ['in the array', `const g = [[0, 0], [0, 0]]; g[T(1)][0] += 1; return { n: g[1][0] };`],
    [
      'by a name',
      `const g = [[0, 0], [0, 0]]; for (const r of V([0, 1])) { const row = g[r]; row[1] = 7; } return { g };`,
    ],
    ['of tensors', `const g = [V([1, 2]), V([3, 4])]; g[T(0)][1] = 7; return { n: g[0][1] };`],
    ['through a view', `const g = [[[0]], [[0]]]; g[T(0)][0][0] = 7; return { n: g[0][0][0] };`],
  ])('changed in place, it is an error, as it is a copy: %s', (_, body) =>
    expectRefused(body, /traced index takes is changed in place: it is a copy/),
  );
});
