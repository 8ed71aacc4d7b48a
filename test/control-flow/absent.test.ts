import { describe, it } from 'vitest';
import { expectEqual, expectRefused } from './programs.ts';

/** Variables that a traced condition gives a value on one side only: `b` has none where the number is -1. */
describe.each([-1, 1])('a value that one side sets (%i)', (n) => {
  const b = `let b; if (T(${n}) > 0) b = T(7);`;
  const o = `let o = null; if (T(${n}) > 0) o = { v: T(3), p: { q: 2 }, f(x) { return x + this.v; } };`;

  it.each([
    ['??', `${b} return { n: b ?? 4, m: (b ?? 0) + 1 };`],
    ['??=', `${b} b ??= 3; return { n: b };`],
    ['??= of a field', `${b} const a = { b }; a.b ??= 3; return { n: a.b };`],
    ['|| and &&', `${b} return { n: b || 5, m: b && 2 || 1 };`],
    ['||= and &&=', `${b} let c = b; b ||= 5; c &&= 6; c ??= 7; return { b, c };`],
    ['?.', `${o} return { n: o?.v ?? -1, m: o?.f(2) ?? -2, k: o?.['v'] ?? -3, l: o?.p.q ?? -4, j: o?.p?.q ?? -5 };`],
    ['?.() of a function', `let f; if (T(${n}) > 0) f = (x) => x + 1; return { n: f?.(2) ?? 9 };`],
    ['what a chain assigns', `${o} let n = 1; o?.f(n = 2); return { n };`],
    ['a parameter', `${b} const f = (v = 4) => v; return { n: f(b), m: f(), k: f(1) };`],
    [
      'a parameter that depends on another',
      `${b} const f = (v = 4, w = v + 1) => v * 10 + w; return { n: f(b), m: f(b, b) };`,
    ],
    [
      'a function with a body and more parameters',
      `${b} function f(v = 4, ...w) { return v + w.length; } return { n: f(b, 1, 2) };`,
    ],
    [
      'a method and a constructor',
      `${b} class C { constructor(v = 2) { this.v = v; } m(w = this.v) { return w; } } return { n: new C(b).m(b) };`,
    ],
    [
      'an object as a parameter',
      `${b} const f = ({ v = 4, w: { z = 5 } = {} } = {}) => v + z; return { n: f({ v: b }), m: f({ w: { z: b } }), k: f() };`,
    ],
    [
      'a pattern',
      `${b} const { v = 4, w: { z = 2 } = {} } = { v: b, w: { z: b } }; const [x = 1, y = x] = [b]; return { v, z, x, y };`,
    ],
    [
      'an assignment to a pattern',
      `${b} const o = {}; let v; [v = 4, o.p = 5] = [b, b]; ({ x: v = v + 1, y: o.q = 2, ...o.r } = { x: b }); return { v, p: o.p, q: o.q };`,
    ],
    [
      'a pattern in the head of a loop',
      `${b} let n = 0; for (const { v = 4 } of [{ v: b }, { v: 1 }]) n += v; return { n };`,
    ],
    [
      'comparisons',
      `${b} return { n: b === undefined ? 1 : 0, m: b == null ? 1 : 0, k: b !== undefined ? 1 : 0, l: b === null ? 1 : 0 };`,
    ],
    [
      'comparisons by order, of undefined',
      `${b} return { n: b > 3 ? 1 : 0, m: b < 9 ? 1 : 0, k: 7 <= b ? 1 : 0, l: !(b >= 8) ? 1 : 0, j: b > T(2) && b < b ? 1 : 0 };`,
    ],
    [
      'comparisons by order, of null',
      `let b = null; if (T(${n}) > 0) b = T(7); return { n: b > 3 ? 1 : 0, m: b <= 0 ? 1 : 0, k: T(-1) < b ? 1 : 0, l: b >= T(1) ? 1 : 0 };`,
    ],
    [
      'the row before',
      `let b, n = 0; for (const r of V([1, 3, 2, ${n} * 5])) { if (r > b) n++; b = r; } return { n };`,
    ],
    ['undefined itself', `let b; return { n: b > T(${n}) ? 1 : 0, m: null < T(${n}) ? 1 : 0 };`],
    ['typeof', `${b} return { n: typeof b === 'undefined' ? 1 : 0, m: typeof b === 'number' ? 1 : 0 };`],
    ['truth', `${b} let n = 0; if (b) n = 1; return { n, m: !b ? 1 : 0, k: b ? 1 : 0 };`],
    ['while', `${b} let n = 0; while (b === undefined && n < 2) { n++; } return { n };`],
    [
      'switch',
      `${b} let n = 0; switch (typeof b) { case 'undefined': n = 1; break; case 'number': n = 2; } return { n };`,
    ],
    [
      'switch on the value',
      `${b} let n = 0; switch (b) { case undefined: n = 1; break; case 7: n = 2; break; default: n = 3; } return { n };`,
    ],
    ['in a closure', `${b} const f = () => b === undefined ? 1 : b + 1; return { n: f() };`],
    [
      'instanceof',
      `let b; if (T(${n}) > 0) b = new Cell(3); return { n: b instanceof Cell ? 1 : 0, m: b?.isBig() ?? -1 };`,
    ],
  ])('%s', (_, body) => expectEqual(body));
});

describe('a value of the iteration before', () => {
  const loop = (body: string) => `let p; let d = 0; for (const r of V([1, 5, 3])) { ${body} } return { d };`;

  it.each([
    ['=== undefined', loop('if (p !== undefined) d = Math.max(d, r - p); p = r;')],
    ['??', loop('d += p ?? 10; p = r;')],
    ['typeof', loop("d += typeof p === 'number' ? p : 7; p = r;")],
    ['truth', loop('if (p) d += p.v; p = { v: r };')],
    ['?.', loop('d += p?.v ?? 100; p = { v: r };')],
    ['a default value', loop('d += ((q = 9) => q)(p); p = r;')],
    ['switch', loop('switch (p) { case undefined: d += 100; break; case 1: d += 10; } p = r;')],
  ])('%s', (_, body) => expectEqual(body));
});

it.each([
  ['an operator', 'return { n: b * 2 };'],
  ['a name of a property', 'return { n: ({ [b]: 1 })[7] ?? 0 };'],
])('is no number where there is none: %s', (_, body) =>
  expectRefused(`let b; if (T(1) > 0) b = T(7); ${body}`, /has a value only if a traced condition holds/),
);

it('a variable that has no value yet while a condition chooses its first one', () =>
  expectEqual(
    `let n = T(2); const f = () => { let q = n ? n : 3; n = ((v) => v) ? (q = 5) : 3; return q; }; const m = f(); return { m, n };`,
  ));

it('a variable that is declared later, which only an argument beside a function assigns', () =>
  expectEqual(
    `let n = T(2); const f = (a, b) => { if (b) return 7; n; }; const m = f(3, n); let k = 1; n = f((k += 1), (v) => v); return { k, n };`,
  ));
