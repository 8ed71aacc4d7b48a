import { describe, it } from 'vitest';
import { expectEqual } from './programs.ts';

describe.each([0, 1, 2, 3, 4])('switch on %i', (value) => {
  it.each([
    ['with breaks', 'case 1: n = 1; break; case 2: n = 2; break; default: n = 3;'],
    ['that falls through', 'case 1: n += 1; case 2: n += 10; case 3: n += 100; break; case 4: n += 1000;'],
    ['with a default in the middle', 'case 1: n += 1; default: n += 10; case 3: n += 100; break; case 4: n += 1000;'],
    ['without clauses', ''],
    [
      'with variables of its own',
      'case 1: let q = 2; n = q; case 4: var w = n; n += w + 1; break; default: { const q = 9; n = q; }',
    ],
    ['with a value twice', 'case 2: n = 1; break; case 2: n = 2; break; case T(3): n = 3;'],
    ['with ifs that break', 'case 1: if (T(1) > 0) break; n = 5; case 2: n += 7; if (T(1) > 2) break; n *= 2;'],
    ['with functions', 'case 1: n = twice(4); break; case 2: function twice(x) { return x * 2; } n = twice(1);'],
  ])('%s', (_, clauses) => expectEqual(`let n = 0; switch (T(${value})) { ${clauses} } return { n };`));

  it('that returns', () =>
    expectEqual(
      `const f = (x) => { switch (x) { case 1: return 5; case 2: { if (T(1) > 0) break; return 7; } default: return 8; } return 6; }; return { a: f(T(${value})), b: f(${value}), c: f(I(${value})) };`,
    ));

  it('on truths', () =>
    expectEqual(
      `let n = 0; const x = T(${value}); switch (true) { case x > 3: n = 1; break; case x > 1: n = 2; break; default: n = 3; } return { n };`,
    ));

  it('looks at values only until one is equal', () =>
    expectEqual(
      `let n = 0; const at = (x) => { n += 1; return x; }; switch (T(${value})) { case at(1): case at(3): n += 10; break; case at(4): n += 100; } return { n };`,
    ));
});

it.each([
  [
    'continue of an unrolled loop',
    'let n = 0; for (const i of [1, 2, 3]) { switch (T(i)) { case 1: continue; case 2: n += 10; break; default: n += 100; } n += 1; } return { n };',
  ],
  [
    'continue of a loop over rows',
    'let n = 0; for (const r of V([1, 2, 3])) { switch (r) { case 1: continue; case 2: n += 10; break; default: n += 100; } n += 1; } return { n };',
  ],
  [
    'on a plain value',
    'let n = 0; for (const i of [1, 2, 3]) { switch (i) { case 1: if (T(1) > 0) continue; case 2: n += T(10); break; default: n += 100; } n += 1; } return { n };',
  ],
])('switch and %s', (_, body) => expectEqual(body));

describe('labels', () => {
  it.each([
    ['a block', 'let n = 0; a: { if (T(1) > 0) { n = 1; break a; } n = 2; } return { n };'],
    ['a block that is not left', 'let n = 0; a: { if (T(-1) > 0) { n = 1; break a; } n += 2; } return { n };'],
    [
      'a block around a loop',
      'let n = 0; a: { for (const i of [1, 2, 3]) { n += i; if (T(i) > 1) break a; } n = 50; } return { n };',
    ],
    [
      'a block around a loop over rows',
      'let n = 0; a: { for (const r of V([1, 2, 3])) { n += r; if (r > 1) break a; } n = 50; } return { n };',
    ],
    ['an if', 'let n = 0; a: if (T(1) > 0) { n = 1; if (T(2) > 0) break a; n = 2; } return { n };'],
    ['two of one block', 'let n = 0; b: a: { if (T(1) > 0) { n = 1; break b; } n = 2; } return { n };'],
    ['a switch', 'let n = 0; a: switch (T(1)) { case 1: if (T(1) > 0) break a; n = 4; } return { n };'],
    [
      'a block in a loop, left by continue',
      'let n = 0; for (const i of [1, 2, 3]) { a: { if (T(i) > 2) continue; if (T(i) > 1) break a; n += 1; } n += 10; } return { n };',
    ],
    [
      'a block with returns',
      'const f = (x) => { a: { if (x > 1) { if (x > 2) return 3; break a; } return 1; } return 2; }; return { a: f(T(1)), b: f(T(2)), c: f(T(3)) };',
    ],
  ])('%s', (_, body) => expectEqual(body));
});
