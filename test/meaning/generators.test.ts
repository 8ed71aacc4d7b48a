import { it } from 'vitest';
import { expectEqual, expectRefused } from '../control-flow/programs.ts';

const each = 'function* each(values) { for (const value of values) yield value; }';

it.each([
  [
    'for…of, with a traced break',
    'let s = 0; for (const v of each([T(1), T(2), T(3)])) { if (v > 2) break; s += v; } return { s };',
  ],
  [
    'a pattern, a spread, Array.from',
    'const [a, b] = each([T(1), T(2), T(3)]); return { a, b, m: Math.max(...each([T(4), T(5)])), n: Array.from(each([T(6)]), (v) => v * 2)[0] };',
  ],
  [
    'a class that is iterable',
    'class Pair { constructor(a, b) { this.a = a; this.b = b; } *[Symbol.iterator]() { yield this.a; yield this.b; } } const [a, b] = new Pair(T(3), T(4)); let s = 0; for (const v of new Pair(T(1), T(2))) s += v; return { n: a * 10 + b, s };',
  ],
  [
    'what is computed between two of them',
    'function* sums(values) { let s = 0; for (const v of values) { if (v > 1) s += v; yield s; } } return { a: [...sums([T(1), T(2), T(3)])] };',
  ],
  [
    'what next() hands in',
    'function* echo() { let got = yield T(1); while (true) got = yield got * 2; } const it = echo(); return { a: it.next().value, b: it.next(T(4)).value, c: it.next(T(5)).value };',
  ],
  ['one that hands on', 'function* both() { yield* each([T(1)]); yield T(2); } return { a: [...both()] };'],
])('a generator yields traced values: %s', (_, body) => expectEqual(`${each} ${body}`));

it('a yield on a traced condition is an error', () =>
  expectRefused(
    'function* some(v) { if (v > 1) yield v; } return { n: [...some(T(2))].length };',
    /if around await depends on a traced tensor/,
  ));

it('one that does not end is an error in a loop that only a traced break ends', () =>
  expectRefused(
    'function* naturals() { for (let i = 0; ; i++) yield i; } let n = 0; for (const k of naturals()) { if (T(k) > 10) break; n += k; } return { n };',
    /come to iteration 10000.*Give it an end that is known now/,
  ));
