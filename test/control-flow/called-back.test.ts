import { describe, it } from 'vitest';
import { expectEqual, expectRefused } from './programs.ts';

/** Functions of JavaScript that change something, where JavaScript itself calls them: their effects are seen by nobody. */
describe('under a traced condition', () => {
  it.each([
    ['forEach', 'const a = [3]; if (T(0)) [4, 5].forEach(a.push, a); return { n: a.length };'],
    ['forEach of a Set', 'const a = [3]; if (T(0)) new Set([4]).forEach(a.push, a); return { n: a.length };'],
    ['Array.from', 'const a = [3]; if (T(0)) Array.from([4, 5], a.push, a); return { n: a.length };'],
    ['map', 'const a = [{ v: 1 }]; if (T(0)) a.map(Object.freeze); a[0].v = 2; return { n: a[0].v };'],
    ['valueOf', 'const o = { valueOf: Array.prototype.pop, length: 2 }; if (T(0)) o + 1; return { n: o.length };'],
    ['toString', "const a = [3, 1]; a.toString = Array.prototype.pop; if (T(0)) a + ''; return { n: a.length };"],
    [
      'toJSON',
      'const a = [3, 1]; a.toJSON = Array.prototype.pop; if (T(0)) JSON.stringify(a); return { n: a.length };',
    ],
    [
      'a getter',
      'const o = Object.create(null, { v: { get: Array.prototype.pop }, length: { value: 2, writable: true } }); if (T(0)) o.v; return { n: o.length };',
    ],
  ])('%s refuses one', (_, body) => expectRefused(body, /of JavaScript stands where JavaScript itself calls it/));

  it('those that change nothing are called', () =>
    expectEqual(
      'let n = 0; if (T(1)) n = [3, -4].map(Math.abs)[1] + [0, 1].filter(Boolean).length + ["1"].map(Number)[0]; return { n };',
    ));
});

/** JavaScript makes a truth of what these give, at once: that of a traced value is known only when the model runs. */
const iterable = (next: string) =>
  `const it = { [Symbol.iterator]() { let c = 0; return { next: () => (${next}) }; } };`;
const ended = iterable('{ value: c, done: T(c++) > 2 }');
const entries = iterable('{ value: [c, 1], done: T(c++) > 2 }');
describe('a truth that JavaScript takes itself', () => {
  it.each([
    ['the end of an iterator, in for…of', `${ended} let n = 0; for (const v of it) n += v; return { n };`],
    ['in a spread', `${ended} return { n: [...it].length };`],
    ['in Array.from', `${ended} return { n: Array.from(it).length };`],
    ['in Object.fromEntries', `${entries} return { n: Object.keys(Object.fromEntries(it)).length };`],
    ['in a Set', `${ended} return { n: new Set(it).size };`],
    ['in a Map', `${entries} return { n: new Map(it).size };`],
    ['in a typed array', `${ended} return { n: new Float32Array(it).length };`],
    ['in a pattern', `${ended} const [a, b] = it; return { n: a + b };`],
  ])('%s is refused', (_, body) => expectRefused(body, /says by a traced value whether it is over/));

  it.each([
    ['about a traced value', 'static [Symbol.hasInstance](v) { return v > 2; }', 'T(5)'],
    ['that gives one', 'static [Symbol.hasInstance](v) { return T(0) > 2; }', '5'],
  ])('instanceof of a class that asks itself, %s, is refused', (_, member, value) =>
    expectRefused(`class E { ${member} } return { n: ${value} instanceof E ? 1 : 0 };`, /Symbol\.hasInstance/),
  );

  it('plain ones are what they are', () =>
    expectEqual(
      `${iterable('{ value: T(c), done: c++ > 2 }')} class E { static [Symbol.hasInstance](v) { return v > 2; } } const [a, b, ...r] = it; return { n: a + b + r.length + [...it].length, is: 5 instanceof E };`,
    ));
});

it.each([
  ['in', "let n = 0; try { n = 'x' in T(1) ? 1 : 3; } catch { n = 2; } return { n };", /has no meaning for a number/],
  ['a BigInt', 'let n = 0; try { n = T(3) * 2n; } catch { n = 2; } return { n };', /a BigInt stand beside \*/],
])('what JavaScript throws for a number is refused for a traced one: %s', (_, body, says) => expectRefused(body, says));

it('a BigInt is compared with a traced number as JavaScript does', () =>
  expectEqual('return { is: I(3) === 3n, or: I(3) == 3n, more: I(3) > 2n, less: 4n < T(3), not: I(3) !== 3n };'));
