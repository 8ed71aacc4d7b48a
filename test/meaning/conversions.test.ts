import { expect, it } from 'vitest';
import { judge } from '../compiler/fuzz/verdict.ts';
import { expectEqual } from '../control-flow/programs.ts';

/** Objects that a program makes numbers of itself: what their valueOf gives may be traced. */
it.each([
  [
    'an operator',
    'const o = { valueOf: () => T(3) }; return { n: [o * 2, 7 - o, -o, +o, o ** 2, T(1) + o], is: [o > 2, o == 3, 3 != o] };',
  ],
  [
    'a class with a private field',
    'class S { #v; constructor(v) { this.#v = v; } valueOf() { return this.#v; } } const [a, b] = [new S(T(2)), new S(T(5))]; let s = 1; s += b; return { n: a + b, is: a < b, s };',
  ],
  [
    'Symbol.toPrimitive, by its hint',
    "const o = { [Symbol.toPrimitive]: (hint) => (hint === 'number' ? T(3) : T(4)) }; return { n: [o - 0, o + 0, +o, Math.max(o, 1)], is: o == 4 };",
  ],
  [
    'functions that make a number of it',
    'const o = { valueOf: () => T(3) }; return { n: [Math.max(o, 1), Math.hypot(o, 4), Number(o)], is: isNaN(o) };',
  ],
  [
    'the left one first, and each once',
    'const order = []; const one = (v) => ({ valueOf() { order.push(v); return T(v); } }); return { n: one(2) - one(1), order };',
  ],
  [
    'in a branch',
    'let n = 0; const o = { valueOf() { n += 1; return T(n); } }; const s = T(0) > 1 ? o + 1 : 5; return { s, n };',
  ],
  [
    'what x++ gives, once',
    'let asked = 0; let o = { valueOf() { asked += 1; return T(3); } }; const old = o++; return { n: [old, o], asked };',
  ],
  [
    'what x++ and x-- give where they were a truth value or a text',
    "let a = T(2) > 1; let b = '3'; let c = false; let d = null; const olds = [a++, b--, c++, d++]; return { n: [...olds, a, b, c, d] };",
  ],
  ['plain ones', 'const d = new Date(5); const o = { valueOf: () => 2 }; return { n: d - 1 + o * T(2), is: d > 4 };'],
  ['one that only has a text', "const o = { toString: () => '4' }; return { n: T(3) * 1 + o * 2 };"],
])('%s', (_, body) => expectEqual(body));

it('a conversion that gives an object is the error of JavaScript', async () => {
  const { ends } = await judge('function run({ T }) { return { n: 1 + { [Symbol.toPrimitive]: () => ({}) } }; }');
  expect(ends.javascript).toBe('TypeError: Cannot convert object to primitive value');
});
