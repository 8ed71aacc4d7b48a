import { it } from 'vitest';
import { expectEqual } from '../control-flow/programs.ts';

/** Positions that methods of arrays are given: JavaScript takes their fractions off, counts from the end below 0, takes NaN for 0. */
it.each([
  [
    'traced ones, of an array of the program',
    'const a = [1, 2, 3]; const b = [...a], c = [...a]; const cut = b.splice(T(1), 1, 9, 8); c.fill(7, T(1)); return { s: a.slice(T(1)), t: a.slice(T(-2), I(-1)), b, cut, c, w: a.with(I(1), 9), x: a.toSpliced(I(1), 1) };',
  ],
  [
    'with a fraction, of an array of the program',
    'const a = [1, 2, 3]; return { s: a.slice(T(1.5)), t: a.slice(T(-1.5)), u: a.slice(T(0 / 0)), v: a.at(T(1.5)), w: a.at(T(-1)), x: a.at(T(9)) ?? 4 };',
  ],
  [
    'with a fraction, of an array that a loop filled',
    'const a = [1, 2, 3]; for (const r of V([4])) a.push(r); return { s: a.slice(1.7), t: a.slice(-1.7), u: a.slice(0, T(2.9)), v: a.at(1.5), w: a.with(T(1.5), 9), x: a.toSpliced(T(1.5), T(1.5)), y: a.at(NaN), z: a.indexOf(2, T(1.5)) };',
  ],
  [
    'an index is no such position',
    'const a = [1, 2, 3]; for (const r of V([4])) a.push(r); return { is: a[1.5] === undefined };',
  ],
  [
    'flat() of pairs that a loop pushed',
    'const a = [[0]]; for (const r of V([1, 5])) { if (r > 2) a.push([r]); } const b = []; for (const r of V([1, 5])) b.push([r, r + 1]); return { a: a.flat(), b: b.flat(), n: b.flat(1).length };',
  ],
  [
    'a method by a name that a condition decides',
    "let n = 0; const o = { up(v) { n += v; return this.k; }, down(v) { n -= v; return 1; }, k: 5 }; let s = 0; for (const r of V([1, -1, 2])) s += o[r > 0 ? 'up' : 'down'](2); return { n, s };",
  ],
])('%s', (_, body) => expectEqual(body));

it.each([
  ['chosen by a condition', 'for (const v of V([0, 1, 1, 2])) bins[v > 0 ? 1 : 0].push(v);'],
  ['at a traced place', 'for (const v of V([0, 1, 1])) bins[v].push(v * 2);'],
  ['in an unrolled loop', 'for (const v of [1, 0, 1].map((k) => T(k))) bins[v].push(v + 1);'],
  [
    'asked for their length',
    'for (const v of V([0, 1, 1, 1])) { const bin = bins[v]; if (bin.length < 2) bin.push(v); }',
  ],
])('arrays that are there to be filled, %s', (_, body) =>
  expectEqual(`const bins = [[], []]; ${body} return { a: bins[0], b: bins[1], n: bins[1].length };`),
);
