import { it } from 'vitest';
import { expectEqual, expectRefused } from '../control-flow/programs.ts';

const either = (test: string): string => `const x = ${test} ? [T(3), T(4)] : null;`;

it.each([
  ['an array or a default one', `${either('T(2) > 1')} const [p = 1, q = 2] = x ?? []; return { p, q };`],
  ['the default one', `${either('T(0) > 1')} const [p = 1, q = 2] = x ?? [T(7)]; return { p, q };`],
  ['its rest', `${either('T(2) > 1')} const [p, ...rest] = x ?? [T(7)]; return { p, rest };`],
  ['a parameter', `${either('T(2) > 1')} const f = ([p = 1, q = 2]) => p * 10 + q; return { n: f(x || []) };`],
  [
    'of an object that a loop makes anew',
    'let o = { list: [1] }; for (const v of V([1, 2])) { const [a] = o.list; o.list = [...o.list, v + a]; o = { ...o }; } return { l: o.list };',
  ],
  ['an assignment', `let p, q; ${either('T(2) > 1')} [p, q = 5] = x ?? [T(7)]; return { p, q };`],
])('an array pattern takes apart one of several arrays: %s', (_, body) => expectEqual(body));

it('JavaScript itself does not go through one of several arrays', () =>
  expectRefused(
    `${either('T(2) > 1')} const iterator = (x ?? [])[Symbol.iterator](); return { n: iterator.next().value };`,
    /depending on a traced condition/,
  ));

it.each([
  [
    'a property that a default value changes',
    'const o = { b: 1 }; const { a = (o.b = 5, 1), b } = o; return { a, b };',
  ],
  [
    'getters',
    'let n = 0; const o = { get x() { n = n * 10 + 1; }, get z() { n = n * 10 + 3; return 2; } }; const { x = (n = n * 10 + 2, 7), z } = o; return { n, x, z };',
  ],
  [
    'a generator',
    'let n = 0; function* g() { n = n * 10 + 1; yield undefined; n = n * 10 + 2; yield 3; } const [a = (n = n * 10 + 5, 1), b] = g(); return { n, a, b };',
  ],
  [
    'a parameter',
    'let n = 1; const next = () => { n++; return n; }; const f = ({ a = next(), b } = {}) => a * 10 + b; return { n: f({ get b() { return n; } }) };',
  ],
  ['the last one', 'let n = 1; const { a, b = (n++, T(4)) } = { a: T(2) }; return { a, b, n };'],
  ['one within another', 'const o = { b: 1 }; const { p: { a = (o.b = 5, 1) } = {}, b } = o; return { a, b };'],
])('a default value that does something is made in its turn: %s', (_, body) => expectEqual(body));

it.each(['class { v = 1; }', 'class { constructor() { this.v = 1; } }'])(
  'one of several classes makes an object: %s',
  (one) => expectEqual(`const C = T(2) > 1 ? ${one} : class { v = 2; }; return { n: new C().v };`),
);
